import Digests
import Foundation
import Images
import TestSupport
import Testing

@testable import Layouts

/// Layouts that have docker's `manifest.json` beside their `index.json`.
@Suite(.waiting) struct `An archive with two lists of images` {
  let directory = TemporaryDirectory()
  let one: ListedImage
  let two: ListedImage

  /// An image of uncompressed layers, as Docker 25 and later save them.
  struct ListedImage {
    let docker: DockerSave.Image
    let manifest: [UInt8]

    init(_ tags: [String], _ layers: [UInt8]..., listed: Int? = nil) {
      docker = DockerSave.Image(tags, layers: layers)
      let texts = layers.prefix(listed ?? layers.count).map {
        TestImage.descriptor("application/vnd.oci.image.layer.v1.tar", $0)
      }
      manifest = Array(
        #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":\#(TestImage.descriptor("\(MediaType.ociConfig)", docker.config)),"layers":[\#(texts.joined(separator: ","))]}"#
          .utf8)
    }

    var digest: Digest { Digest(of: manifest) }
    var blobs: [[UInt8]] { [manifest, docker.config] + docker.layers }

    /// Its entry of `manifest.json`.
    func entry(_ tags: [String]? = nil) -> String {
      func path(_ bytes: [UInt8]) -> String { #""\#(BlobPath.path(of: Digest(of: bytes)))""# }
      let names = (tags ?? docker.tags).map { #""\#($0)""# }.joined(separator: ",")
      return
        #"{"Config":\#(path(docker.config)),"RepoTags":[\#(names)],"Layers":[\#(docker.layers.map(path).joined(separator: ","))]}"#
    }

    /// Its entry of `index.json`.
    func listed(_ name: String? = nil, refName: String? = nil) -> String {
      let text = TestImage.descriptor("\(MediaType.ociManifest)", manifest)
      guard let name else { return text }
      let more = refName.map { #","org.opencontainers.image.ref.name":"\#($0)""# } ?? ""
      return text.dropLast() + #","annotations":{"io.containerd.image.name":"\#(name)"\#(more)}}"#
    }
  }

  init() throws {
    one = ListedImage(["a/one:1"], try DockerSave.layer("base"), try DockerSave.layer("one"))
    two = ListedImage([], try DockerSave.layer("base"), try DockerSave.layer("two"))
  }

  @Test func `may give one image ten thousand names, and as many names to two`() throws {
    // What looks for each name among all takes minutes.
    let count = 10_000
    let listed = (0..<count).map { one.listed("docker.io/a/x:\($0)") }
    let docker = (0..<count).map { two.entry(["a/x:\($0)"]) } + (0..<count).map { one.entry(["a/y:\($0)"]) }
    let layout = try open(
      index: listed + [two.listed()], docker: "[\(docker.joined(separator: ","))]", one.blobs + two.blobs)
    #expect(
      layout.problems.count == count && Set(layout.problems).contains(.ambiguousName("docker.io/a/x:7")))
    #expect(layout.images.count == 2 * count + 1)
  }

  private func open(
    index: [String]?, docker: String?, _ blobs: [[UInt8]], isMarked: Bool = true
  ) throws -> Layout {
    var entries: [PythonTar.Entry] = []
    if isMarked { entries.append(.init("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#)) }
    let list = index.map { "[\($0.joined(separator: ","))]" } ?? "null"
    entries.append(.init("index.json", #"{"schemaVersion":2,"manifests":\#(list)}"#))
    if let docker { entries.append(.init("manifest.json", docker)) }
    for bytes in Set(blobs).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      entries.append(.init(BlobPath.path(of: Digest(of: bytes)), .file(bytes)))
    }
    try PythonTar(entries).write(to: directory.file("x.tar"))
    return try Layout.open(directory.file("x.tar"))
  }

  @Test func `holds the images of both, by the exact manifests where they are`() throws {
    let blobs = one.blobs + two.blobs
    let listing = "[\(one.entry()),\(two.entry())]"
    for index in [[one.listed("docker.io/a/one:1")], [one.listed()], nil] {
      let layout = try open(index: index, docker: listing, blobs)
      #expect(layout.problems == [] && !layout.isWrittenByFerry)
      #expect(layout.images.map(\.root.digest) == [one.digest, two.digest])
      #expect(layout.images.map(\.name) == ["docker.io/a/one:1", ""])
    }
    // Without its manifest an image is made of what manifest.json says.
    let layout = try open(index: [one.listed()], docker: listing, blobs.filter { $0 != two.manifest })
    #expect(layout.problems == [] && layout.images.count == 2)
    let made = try layout.tree(of: layout.images[1])
    #expect(made.blobs.map(\.digest) == ([two.docker.config] + two.docker.layers).map { Digest(of: $0) })
    for blob in made.blobs { #expect(throws: Never.self) { try layout.bytes(of: blob, limit: 1 << 20) } }
  }

  @Test func `is held against the other behind however many blanks`() throws {
    let list = String(repeating: " ", count: 70_000) + "[\(two.entry(["a/one:1"]))]"
    let layout = try open(index: [one.listed("docker.io/a/one:1")], docker: list, one.blobs + two.blobs)
    #expect(layout.problems == [.ambiguousName("docker.io/a/one:1")])
  }

  @Test func `has a digest that stands for the images of both`() throws {
    let blobs = one.blobs + two.blobs
    let index = try open(index: [one.listed("docker.io/a/one:1")], docker: nil, blobs)
    let same = try open(index: [one.listed("docker.io/a/one:1")], docker: "[\(one.entry())]", blobs)
    #expect(same.archiveDigest == index.archiveDigest && same.images == index.images)
    let more = try open(
      index: [one.listed("docker.io/a/one:1")], docker: "[\(one.entry()),\(two.entry())]", blobs)
    let named = try open(
      index: [one.listed("docker.io/a/one:1")], docker: "[\(one.entry(["a/one:1", "b:2"]))]", blobs)
    #expect(Set([index, more, named].map(\.archiveDigest)).count == 3)
    #expect(named.images.map(\.name) == ["docker.io/a/one:1", "docker.io/library/b:2"])
    #expect(named.images.allSatisfy { $0.root.digest == one.digest })
  }

  @Test func `gives a tag of the one the name of the other`() throws {
    let layout = try open(index: [one.listed("1")], docker: "[\(one.entry(["x.example/a:1"]))]", one.blobs)
    #expect(layout.images.map(\.name) == ["x.example/a:1"] && layout.problems == [])
  }

  @Test func `keeps a name that no registry takes, beside those that are one`() throws {
    let (name, bad) = ("docker.io/a/one:1", "a/One:1")
    for listed in [["a/one:1", bad], [bad], [bad, bad]] {
      let layout = try open(index: [one.listed(name)], docker: "[\(one.entry(listed))]", one.blobs)
      #expect(layout.images.map(\.name) == [name, bad] && layout.problems == [], "\(listed)")
      #expect(layout.images.allSatisfy { $0.root.digest == one.digest })
      #expect(layout.images[1].reference == nil)
    }
    // An image that had none has it, and one that had it has it once.
    for listed in [one.listed(), one.listed(bad)] {
      let layout = try open(index: [listed], docker: "[\(one.entry([bad]))]", one.blobs)
      #expect(layout.images.map(\.name) == [bad])
    }
    for listed in [one.listed(), one.listed(bad)] {
      let both = try open(index: [listed], docker: "[\(one.entry([bad, "a/one:1"]))]", one.blobs)
      #expect(both.images.map(\.name) == [bad, name])
    }
    let either = try open(index: [one.listed(bad)], docker: "[\(one.entry())]", one.blobs)
    #expect(either.images.map(\.name) == [bad, name])
    // What stands for no name is none.
    let none = ["<none>:<none>", "\(two.digest)", "docker-archive:/tmp/x.tar:x"]
    let layout = try open(index: [one.listed(name)], docker: "[\(one.entry(none))]", one.blobs)
    #expect(layout.images.map(\.name) == [name])
    for text in none {
      let layout = try open(index: [one.listed(text)], docker: "[\(one.entry())]", one.blobs)
      #expect(layout.images.map(\.name) == [name])
    }
  }

  @Test func `is damaged where one says other than the other`() throws {
    let blobs = one.blobs + two.blobs
    let name = "docker.io/a/one:1"
    #expect(
      try open(index: [one.listed(name), two.listed()], docker: "[\(two.entry(["a/one:1"]))]", blobs).problems
        == [.ambiguousName(name)])
    #expect(
      try open(index: [one.listed(name)], docker: "[\(two.entry(["a/one:1"]))]", blobs).problems
        == [.ambiguousName(name)])
    // By what only some readers take for its name.
    let aside = two.listed("y.example/two:1", refName: name)
    for first in [[one.listed("x.example/one:1")], []] {
      #expect(
        try open(index: first + [aside], docker: "[\(one.entry(["a/one:1"]))]", blobs).problems
          == [.ambiguousName(name)])
    }
    let both = try open(index: [aside], docker: "[\(two.entry(["a/one:1"]))]", two.blobs)
    #expect(both.problems == [] && both.images.map(\.name) == ["y.example/two:1", name])
    // The same config with other layers.
    let other = ListedImage([], two.docker.layers[1], two.docker.layers[0])
    let entry = one.entry().replacing(
      BlobPath.path(of: Digest(of: one.docker.layers[1])),
      with: BlobPath.path(of: Digest(of: other.docker.layers[0])))
    #expect(
      try open(index: [one.listed(name)], docker: "[\(entry)]", blobs).problems
        == [.disagreement(path: "manifest.json")])
    // A tag of two images, in docker's list alone.
    try PythonTar(
      DockerSave([one.docker, DockerSave.Image(["a/one:1"], layers: two.docker.layers)]).entries()
    ).write(to: directory.file("y.tar"))
    #expect(try Layout.open(directory.file("y.tar")).problems == [.ambiguousName(name)])
  }

  @Test func `may have layers by other names, which are compared`() throws {
    let layer = one.docker.layers[0]
    func open(_ bytes: [UInt8]) throws -> Layout {
      let list = one.entry().replacing(BlobPath.path(of: Digest(of: layer)), with: "old/layer.tar")
      let entries: [PythonTar.Entry] =
        [
          .init("index.json", #"{"schemaVersion":2,"manifests":[\#(one.listed())]}"#),
          .init("manifest.json", "[\(list)]"), .init("old/layer.tar", .file(bytes)),
        ] + one.blobs.map { .init(BlobPath.path(of: Digest(of: $0)), .file($0)) }
      try PythonTar(entries).write(to: directory.file("x.tar"))
      return try Layout.open(directory.file("x.tar"))
    }
    let same = try open(layer)
    #expect(same.problems == [] && same.images.map(\.name) == ["docker.io/a/one:1"])
    #expect(try open(two.docker.layers[1]).problems == [.disagreement(path: "manifest.json")])
  }

  @Test func `has all the files that either names`() throws {
    // As Docker 25 and later name layers, by what they are uncompressed, which the tar lacks.
    let zipped = try DockerSave.layer("zipped")
    let layer = one.docker.layers[0]
    let manifest = Array(
      String(decoding: one.manifest, as: UTF8.self).replacing(
        TestImage.descriptor("application/vnd.oci.image.layer.v1.tar", layer),
        with: TestImage.descriptor("application/vnd.oci.image.layer.v1.tar", zipped)
      ).utf8)
    let path = BlobPath.path(of: Digest(of: layer))
    let root = TestImage.descriptor("\(MediaType.ociManifest)", manifest)
    let blobs = [manifest, one.docker.config, zipped, one.docker.layers[1]]
    #expect(
      try open(index: [root], docker: "[\(one.entry())]", blobs).problems == [.missingFile(path: path)])
    #expect(try open(index: [root], docker: "[\(one.entry())]", blobs + [layer]).problems == [])
    #expect(
      try open(index: [one.listed()], docker: "[\(one.entry())]", one.blobs.filter { $0 != layer }).problems
        .contains { if case .missing = $0 { true } else { false } })
  }

  @Test func `without the file that says so is a layout by its index`() throws {
    let layout = try open(
      index: [one.listed("x.example/a:1")], docker: "[\(one.entry(["x.example/a:1"]))]", one.blobs,
      isMarked: false)
    #expect(layout.problems == [] && layout.images.map(\.root.digest) == [one.digest])
    #expect(layout.form == .tar)
    try FileManager.default.createDirectory(
      atPath: directory.file("d"), withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", directory.file("x.tar"), "-C", directory.file("d")])
    #expect(try Layout.open(directory.file("d")).archiveDigest == layout.archiveDigest)
  }

  @Test func `is damaged when a config speaks of other layers than its manifest lists`() throws {
    for count in [0, 1] {
      let hollow = ListedImage([], one.docker.layers[0], one.docker.layers[1], listed: count)
      let layout = try open(index: [hollow.listed()], docker: nil, hollow.blobs)
      #expect(layout.problems == [.configDisagrees(Digest(of: hollow.docker.config))])
    }
    let none = ListedImage([])
    #expect(try open(index: [none.listed()], docker: nil, none.blobs).problems == [])
  }

  @Test(arguments: ["[]", #"{"variant":1}"#, "null", "x"])
  func `is damaged when a config is none`(text: String) throws {
    let config = Array(text.utf8)
    let bytes = Array(
      #"{"schemaVersion":2,"config":\#(TestImage.descriptor("\(MediaType.ociConfig)", config)),"layers":[]}"#
        .utf8)
    let layout = try open(
      index: [TestImage.descriptor("\(MediaType.ociManifest)", bytes)], docker: nil, [bytes, config])
    guard case .notAConfig(Digest(of: config), .malformed) = layout.problems.first else {
      Issue.record("\(layout.problems)")
      return
    }
  }

  @Test(arguments: ["", "application/octet-stream", "application/json", "text/html"])
  func `is damaged alike when a config has a type that says nothing`(type: String) throws {
    func problems(_ text: String, layers: Int, _ layerType: MediaType = .ociLayer) throws -> [LayoutProblem] {
      let config = Array(text.utf8)
      let listed = (0..<layers).map { TestImage.descriptor("\(layerType)", [UInt8($0)]) }.joined(
        separator: ",")
      let bytes = Array(
        #"{"schemaVersion":2,"config":\#(TestImage.descriptor(type, config)),"layers":[\#(listed)]}"#.utf8)
      let layout = try open(
        index: [TestImage.descriptor("\(MediaType.ociManifest)", bytes)], docker: nil,
        [bytes, config] + (0..<layers).map { [UInt8($0)] })
      return layout.problems
    }
    let one = #"{"rootfs":{"type":"layers","diff_ids":["\#(Digest(of: [0]))"]}}"#
    #expect(try problems(one, layers: 1) == [])
    for count in [0, 2] {
      #expect(try problems(one, layers: count) == [.configDisagrees(Digest(of: Array(one.utf8)))])
    }
    for text in [#"{"rootfs":{},"OS":"windows","os":"x"}"#, #"{"Rootfs":{}}"#, #"{"rootfs":{"diff_ids":1}}"#]
    {
      guard case .notAConfig? = try problems(text, layers: 1).first else {
        Issue.record("\(text)")
        continue
      }
    }
    // What is no image's may be anything.
    for text in ["{}", "[]", "x", #"{"a":1,"A":2,"a":3}"#, #"{"rootfs":"x","history":[{}]}"#] {
      #expect(try problems(text, layers: 0) == [])
    }
    #expect(try problems(one, layers: 2, MediaType(rawValue: "application/x")) == [])
  }

  @Test func `without an image in any of them is none`() throws {
    let stranger = #"{"mediaType":"application/xml","digest":"\#(Digest(of: [1]))","size":1}"#
    let index = Array(#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[]}"#.utf8)
    let nested = TestImage.descriptor("\(MediaType.ociIndex)", index)
    for (list, others) in [
      (nil, []), ([], []), ([stranger], [MediaType(rawValue: "application/xml")]), ([nested], [.ociIndex]),
    ] as [([String]?, [MediaType])] {
      for docker in [nil, "[]", "null"] {
        #expect(throws: LayoutError.noImage(path: directory.file("x.tar"), others: others)) {
          try open(index: list, docker: docker, [index, [1]])
        }
      }
    }
    // What stands beside images is known, and must be there.
    let beside = try open(index: [one.listed(), stranger], docker: nil, one.blobs + [[1]])
    #expect(beside.problems == [] && beside.others.map(\.digest) == [Digest(of: [1])])
    let absent = try open(index: [one.listed(), stranger], docker: nil, one.blobs)
    #expect(absent.problems == [.missing(beside.others[0])])
  }
}
