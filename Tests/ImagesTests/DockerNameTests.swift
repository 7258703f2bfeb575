import Images
import Testing

@Suite struct `A name as docker writes it` {
  @Test(arguments: [
    ("alpine", "docker.io/library/alpine"),
    ("alpine:3.20", "docker.io/library/alpine:3.20"),
    ("alpine:5000", "docker.io/library/alpine:5000"),
    ("rancher/x:v1", "docker.io/rancher/x:v1"),
    ("docker.io/alpine:1", "docker.io/library/alpine:1"),
    ("localhost/x:2", "localhost/x:2"),
    ("host:5000/a/b", "host:5000/a/b"),
    ("nvcr.io/nvidia/pytorch:21.05-py3", "nvcr.io/nvidia/pytorch:21.05-py3"),
  ])
  func `is whole once docker's host is added`(text: String, expected: String) throws {
    #expect(try Reference(dockerName: text).description == expected)
  }

  @Test(arguments: ["", "/", ":1", "A", "a b", "localhost/", "<none>:<none>"])
  func `is none where docker has none`(text: String) {
    #expect(throws: ReferenceError.self) { try Reference(dockerName: text) }
  }
}
