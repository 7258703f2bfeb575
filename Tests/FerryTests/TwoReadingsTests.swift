import Foundation
import TestSupport
import Testing

/// A document in which one program reads one thing and the next another is in nobody's archive.
@Suite(.waiting) struct `What readers would read differently` {
  private static let oci = "application/vnd.oci.image"
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// An image's parts, each of which can be spoiled.
  private struct Parts {
    var layer = Array("a layer".utf8)
    var config = #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["DIFF"]}}"#
    var more = ""
    var entryMore = ""

    var configBytes: [UInt8] { Array(config.replacing("DIFF", with: BlobDigest.of(layer)).utf8) }

    var manifest: String {
      func described(_ bytes: [UInt8], _ type: String) -> String {
        #"{"mediaType":"\#(oci).\#(type)","digest":"\#(BlobDigest.of(bytes))","size":\#(bytes.count)\#(entryMore)}"#
      }
      return """
        {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json",\
        "config":\(described(configBytes, "config.v1+json")),\
        "layers":[\(described(layer, "layer.v1.tar"))]\(more)}
        """
    }

    func add(to registry: ScriptedRegistry, _ repository: String) {
      registry.add(layer)
      registry.add(configBytes)
      registry.add(manifest: manifest, as: "\(oci).manifest.v1+json", to: repository, tag: "1")
    }
  }

  private static let other = BlobDigest.of(Array("another layer".utf8))

  private static let spoiled: [(String, Parts)] = [
    ("'layers'", Parts(more: #","layers":[]"#)),
    ("'Layers'", Parts(more: #","Layers":[]"#)),
    ("'Manifests'", Parts(more: #","Manifests":[]"#)),
    ("'mediaType'", Parts(more: #","mediaType":"\#(oci).index.v1+json""#)),
    ("digest'", Parts(entryMore: #","digest":"\#(other)""#)),
    ("'annotations.a'", Parts(more: #","annotations":{"a":"1","\u0061":"2"}"#)),
    ("'rootfs'", Parts(config: #"{"rootfs":{"diff_ids":[]},"rootfs":{"diff_ids":["DIFF"]}}"#)),
    (
      "'config.env'",
      Parts(config: #"{"config":{"Env":["A=1"],"env":["A=2"]},"rootfs":{"diff_ids":["DIFF"]}}"#)
    ),
    ("'OS'", Parts(config: #"{"os":"linux","OS":"windows","rootfs":{"diff_ids":["DIFF"]}}"#)),
  ]

  @Test(arguments: spoiled.indices)
  func `is refused at the source, that image alone`(index: Int) throws {
    let (field, parts) = Self.spoiled[index]
    let source = ScriptedRegistry()
    parts.add(to: source, "team/bad")
    Parts().add(to: source, "team/good")
    let arguments = [
      "export", source.reference("team/bad:1"), source.reference("team/good:1"), "--plain-http", "-o",
    ]
    let failed = try ferry.run(arguments + ["a.tar"], exits: 14)
    failed.complains(field, "team/bad", "--keep-going carries the others")
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == [])
    let alone = try ferry.run(
      ["export", source.reference("team/bad:1"), "--plain-http", "-o", "a.tar"], exits: 14)
    #expect(!alone.standardError.contains("--keep-going"))
    let streamed = try ferry.run(arguments + ["-"], exits: 14)
    #expect(streamed.standardOutput.isEmpty)

    try ferry.run(arguments + ["b.tar", "--keep-going"], exits: 3).complains(field, "team/bad")
    let verified = try ferry.run(["verify", "b.tar"], exits: 0)
    #expect(verified.standardOutput.contains("whole"))
    #expect(verified.standardOutput.contains("lacks \(source.reference("team/bad:1"))"))
  }

  @Test(arguments: spoiled.indices, [false, true])
  func `is damage in an archive`(index: Int, isDirectory: Bool) throws {
    let (field, parts) = Self.spoiled[index]
    try write(parts, isDirectory: isDirectory)
    let verified = try ferry.run(["verify", "--deep", "x.tar"], exits: 14)
    #expect(
      verified.standardOutput.contains(field)
        && verified.standardOutput.contains("hurts old.example/team/bad:1"))
    try ferry.run(["inspect", "x.tar"], exits: 14)
    let destination = ScriptedRegistry()
    try ferry.run(["import", "x.tar", "--plain-http", "--to", "\(destination.host)/new"], exits: 14)
      .complains(field, "team/bad:1", "another copy is no better")
    #expect(destination.tags == [])
  }

  @Test(arguments: [
    #"{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"2.0.0"}"#, #"{"ImageLayoutVersion":"1.0.0"}"#,
  ])
  func `is damage in what says that it is a layout`(layout: String) throws {
    try write(Parts(), layout: layout)
    try ferry.run(["verify", "x.tar"], exits: 14).complains("mageLayoutVersion")
  }

  @Test(arguments: [#","manifests":[]"#, #","Manifests":[]"#, #","annotations":{"a":"1","a":"2"}"#])
  func `is damage in the list of the images`(more: String) throws {
    try write(Parts(), index: more)
    try ferry.run(["verify", "x.tar"], exits: 14).complains("index.json")
  }

  @Test func `is damage in docker's list of them, beside a layout and alone`() throws {
    let parts = Parts()
    let config = #""Config":"blobs/sha256/\#(BlobDigest.of(parts.configBytes).dropFirst(7))""#
    let layer = #"["blobs/sha256/\#(BlobDigest.of(parts.layer).dropFirst(7))"]"#
    for entry in [
      #"{\#(config),"Layers":\#(layer),"layers":[],"RepoTags":["team/bad:1"]}"#,
      #"{\#(config),"Layers":\#(layer),\#(config),"RepoTags":["team/bad:1"]}"#,
    ] {
      for hasLayout in [true, false] {
        try write(parts, docker: "[\(entry)]", hasLayout: hasLayout)
        let result = try ferry.run(["verify", "x.tar"], exits: 14)
        #expect((result.standardOutput + result.standardError).contains("manifest.json"))
      }
    }
  }

  @Test func `is not a user's own word in two spellings`() throws {
    let parts = Parts(
      config: #"{"config":{"Labels":{"Version":"1","version":"2"}},"rootfs":{"diff_ids":["DIFF"]}}"#,
      more: #","annotations":{"Version":"1","version":"2"}"#)
    try write(parts)
    try ferry.run(["verify", "--deep", "x.tar"], exits: 0)
    let source = ScriptedRegistry()
    parts.add(to: source, "team/good")
    try ferry.run(["export", source.reference("team/good:1"), "--plain-http", "-o", "a.tar"], exits: 0)
  }

  /// Writes a layout as any other tool might, as a tar or a directory `x.tar`.
  private func write(
    _ parts: Parts, isDirectory: Bool = false, layout: String = #"{"imageLayoutVersion":"1.0.0"}"#,
    index more: String = "", docker: String? = nil, hasLayout: Bool = true
  ) throws {
    let manifest = Array(parts.manifest.utf8)
    let index = """
      {"schemaVersion":2,"manifests":[{"mediaType":"\(Self.oci).manifest.v1+json",\
      "digest":"\(BlobDigest.of(manifest))","size":\(manifest.count),\
      "annotations":{"io.containerd.image.name":"old.example/team/bad:1"}}]\(more)}
      """
    var files: [PythonTar.Entry] = []
    if hasLayout { files += [.init("oci-layout", layout), .init("index.json", index)] }
    if let docker { files.append(.init("manifest.json", docker)) }
    for bytes in [manifest, parts.configBytes, parts.layer] {
      files.append(.init("blobs/sha256/\(BlobDigest.of(bytes).dropFirst(7))", .file(bytes)))
    }
    guard isDirectory else { return try PythonTar(files).write(to: ferry.file("x.tar")) }
    try FileManager.default.createDirectory(
      atPath: ferry.file("x.tar/blobs/sha256"), withIntermediateDirectories: true)
    for case let file in files {
      guard case .file(let bytes) = file.kind else { continue }
      try Data(bytes).write(to: URL(fileURLWithPath: ferry.file("x.tar/\(file.name)")))
    }
  }
}
