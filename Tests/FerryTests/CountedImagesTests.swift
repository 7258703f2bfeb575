import Foundation
import TestSupport
import Testing

/// Every image that any list of an archive names arrives, and no command is content with none.
@Suite(.waiting) struct `Images that only one list names` {
  private let ferry: FerryProcess
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
  }

  private static let type = "application/vnd.oci.image"

  private func path(_ bytes: [UInt8]) -> String { "blobs/sha256/\(BlobDigest.of(bytes).dropFirst(7))" }

  private func descriptor(_ suffix: String, _ bytes: [UInt8]) -> String {
    #"{"mediaType":"\#(Self.type).\#(suffix)","digest":"\#(BlobDigest.of(bytes))","size":\#(bytes.count)}"#
  }

  private func manifest(_ image: DockerSave.Image) -> [UInt8] {
    let layers = image.layers.map { descriptor("layer.v1.tar", $0) }.joined(separator: ",")
    return Array(
      #"{"schemaVersion":2,"mediaType":"\#(Self.type).manifest.v1+json","config":\#(descriptor("config.v1+json", image.config)),"layers":[\#(layers)]}"#
        .utf8)
  }

  private func write(index: String, list: String?, _ images: [DockerSave.Image], isMarked: Bool = true) throws
  {
    let blobs = Set(images.flatMap { [manifest($0), $0.config] + $0.layers })
    try PythonTar(
      blobs.map { .init(path($0), .file($0)) }
        + [.init("index.json", #"{"schemaVersion":2,"manifests":\#(index)}"#)]
        + (list.map { [.init("manifest.json", $0)] } ?? [])
        + (isMarked ? [.init("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)] : [])
    ).write(to: ferry.file("a.tar"))
  }

  private func `import`(_ options: String..., exits status: Int32) throws -> CommandResult {
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new"] + options, exits: status)
  }

  @Test func `arrive all, by their exact manifests`() throws {
    let one = DockerSave.Image(["one:1"], layers: [try DockerSave.layer("one")])
    let two = DockerSave.Image([], layers: [try DockerSave.layer("two")])
    let list = [one, two].map { image in
      #"{"Config":"\#(path(image.config))","RepoTags":[\#(image.tags.map { "\"\($0)\"" }.joined())],"Layers":["\#(path(image.layers[0]))"]}"#
    }.joined(separator: ",")
    try write(index: "[\(descriptor("manifest.v1+json", manifest(one)))]", list: "[\(list)]", [one, two])
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    // The one without a name is asked for, not dropped.
    try `import`(exits: 64).complains("--as REPOSITORY:TAG", BlobDigest.of(manifest(two)))
    #expect(registry.storage.tags(of: "new/one") == [])
    _ = try `import`("--as", "two:1", exits: 0)
    #expect(registry.storage.digest(of: "new/one", "1") == BlobDigest.of(manifest(one)))
    #expect(registry.storage.digest(of: "new/two", "1") == BlobDigest.of(manifest(two)))
  }

  @Test func `are not taken from a hollow index`() throws {
    let image = DockerSave.Image(["one:1"], layers: [try DockerSave.layer("one")])
    let hollow = Array(
      #"{"schemaVersion":2,"mediaType":"\#(Self.type).manifest.v1+json","config":\#(descriptor("config.v1+json", image.config)),"layers":[]}"#
        .utf8)
    let blobs = [hollow, image.config]
    try PythonTar(
      blobs.map { .init(path($0), .file($0)) } + [
        .init("index.json", #"{"schemaVersion":2,"manifests":[\#(descriptor("manifest.v1+json", hollow))]}"#),
        .init("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#),
      ]
    ).write(to: ferry.file("a.tar"))
    for command in [["verify"], ["verify", "--deep"], ["inspect"]] {
      try ferry.run(command + ["a.tar"], exits: 14)
    }
    _ = try `import`("--as", "one:1", exits: 14)
    #expect(registry.storage.tags(of: "new/one") == [])
  }

  @Test(arguments: [
    "[]", "null",
    "[{\"mediaType\":\"application/xml\",\"digest\":\"sha256:\(String(repeating: "a", count: 64))\",\"size\":0}]",
  ])
  func `and no images at all are not found`(index: String) throws {
    try write(index: index, list: nil, [])
    if index.contains("xml") {
      // What it lists is not even there.
      try ferry.run(["verify", "a.tar"], exits: 14)
      return
    }
    try ferry.run(["verify", "a.tar"], exits: 12).complains("holds no image")
    try ferry.run(["inspect", "a.tar"], exits: 12).complains("holds no image")
    try `import`("--receipt", "r.json", exits: 12).complains("holds no image")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
  }

  @Test func `beside what is no image, which is named`() throws {
    let one = DockerSave.Image(["one:1"], layers: [try DockerSave.layer("one")])
    let stranger =
      #"{"mediaType":"application/xml","digest":"\#(BlobDigest.of(one.config))","size":\#(one.config.count)}"#
    try write(
      index: "[\(descriptor("manifest.v1+json", manifest(one))),\(stranger)]", list: nil, [one])
    #expect(try ferry.run(["verify", "a.tar"], exits: 0).standardOutput.contains("application/xml"))
    try `import`("--as", "one:1", exits: 3).complains("application/xml")
    #expect(registry.storage.tags(of: "new/one") == [])
    _ = try `import`("--as", "one:1", "--keep-going", exits: 3)
    #expect(registry.storage.tags(of: "new/one") == ["1"])
  }
}
