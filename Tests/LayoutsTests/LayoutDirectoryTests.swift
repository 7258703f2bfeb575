import Digests
import Foundation
import Images
import Layouts
import TestSupport
import Testing

@testable import Layouts

@Suite(.waiting) struct `A layout in a directory` {
  let scratch: ScratchDirectory
  let image: TestImage
  let multi: TestImage

  init() throws {
    scratch = try ScratchDirectory()
    let base = try TestImage.Layer("base")
    image = try TestImage("old.example/team/app:1.0", layers: [base, TestImage.Layer("own")])
    let arm = try TestImage("old.example/team/app:arm", layers: [base], architecture: "arm64")
    multi = try TestImage("old.example/team/multi:2", index: [image, arm])
  }

  /// Ferry's own archive of both images, extracted.
  func extracted() throws -> String {
    try TestArchive.write([image, multi], to: scratch("a.tar"))
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", scratch("a.tar"), "-C", scratch("d")])
    return scratch("d")
  }

  func blob(_ digest: Digest) -> String { scratch("d/\(BlobPath.path(of: digest))") }

  @Test func `made by skopeo opens, several images in one`() throws {
    try TestArchive.write([image, multi], to: scratch("a.tar"))
    for image in [image, multi] {
      try Command.run(
        "skopeo",
        [
          "copy", "-q", "--all", "--insecure-policy", "oci-archive:\(scratch("a.tar")):\(image.reference)",
          "oci:\(scratch("s")):\(image.reference.repository):\(image.reference.tag ?? "")",
        ])
    }
    let layout = try Layout.open(scratch("s"))
    #expect(
      !layout.isWrittenByFerry && layout.form == .directory && layout.problems == [] && layout.remarks == [])
    #expect(layout.images.map(\.root.digest) == [image.root.digest, multi.root.digest])
    // Names without a host are docker's.
    #expect(
      layout.images.map(\.reference?.description)
        == ["docker.io/team/app:1.0", "docker.io/team/multi:2"])
    #expect(try layout.tree(of: layout.images[1]).manifests.count == 3)
    let layer = image.manifests[0].blobs[1]
    #expect(try layout.bytes(of: layer, limit: 1 << 20) == image.blobs[1])
  }

  @Test func `made by umoci opens, its images known by their tags alone`() throws {
    let path = scratch("u")
    try Command.run("umoci", ["init", "--layout", path])
    try Command.run("umoci", ["new", "--image", "\(path):a"])
    try Command.run("umoci", ["tag", "--image", "\(path):a", "b"])
    let layout = try Layout.open(path)
    #expect(layout.images.map(\.bareTag) == ["a", "b"] && layout.images.allSatisfy { $0.reference == nil })
    #expect(layout.problems == [])
  }

  @Test func `is Ferry's own archive, extracted, with the archive's digest`() throws {
    let layout = try Layout.open(try extracted())
    let archive = try Layout.open(scratch("a.tar"))
    #expect(layout.isWrittenByFerry && layout.problems == [] && layout.archiveDigest == archive.archiveDigest)
    #expect(layout.images == archive.images && layout.blobs.keys.sorted() == archive.blobs.keys.sorted())
    // Any file beside the plan's is one too many; what tar does not hold up is not missed.
    try scratch.write([1], to: "d/more")
    #expect(try Layout.open(scratch("d")).problems == [.surplus(path: "more")])
  }

  @Test func `of Ferry's is damaged when one of its own files is changed or gone`() throws {
    let path = try extracted()
    let manifest = try scratch.read("d/manifest.json")
    try scratch.write(manifest + [32], to: "d/manifest.json")
    #expect(try Layout.open(path).problems == [.notCanonical(path: "manifest.json", part: .content)])
    try FileManager.default.removeItem(atPath: scratch("d/manifest.json"))
    #expect(try Layout.open(path).problems == [.missingFile(path: "manifest.json")])
    try scratch.write(manifest, to: "d/manifest.json")
    #expect(try Layout.open(path).problems == [])
    try FileManager.default.removeItem(atPath: scratch("d/ferry.json"))
    #expect(try Layout.open(path).problems == [.missingFile(path: "ferry.json")])
  }

  @Test func `is damaged when blobs are missing, longer, or links to nothing, and not when they are links`()
    throws
  {
    let path = try extracted()
    let layer = image.manifests[0].blobs[2]
    try FileManager.default.moveItem(atPath: blob(layer.digest), toPath: scratch("elsewhere"))
    #expect(try Layout.open(path).problems == [.missing(layer)])
    try FileManager.default.createSymbolicLink(
      atPath: blob(layer.digest), withDestinationPath: scratch("elsewhere"))
    // Wherever it lies, its digest proves it.
    #expect(try Layout.open(path).problems == [])
    #expect(try Layout.open(path).bytes(of: layer, limit: 1 << 20).count == Int(layer.size))
    try FileManager.default.removeItem(atPath: blob(layer.digest))
    try FileManager.default.createSymbolicLink(
      atPath: blob(layer.digest), withDestinationPath: scratch("nowhere"))
    #expect(
      try Layout.open(path).problems == [
        .strayLink(path: BlobPath.path(of: layer.digest), target: scratch("nowhere")), .missing(layer),
      ])
    try FileManager.default.removeItem(atPath: blob(layer.digest))
    let bytes = try scratch.read("elsewhere")
    try Data(bytes + [0]).write(to: URL(fileURLWithPath: blob(layer.digest)))
    #expect(
      try Layout.open(path).problems
        == [.wrongSize(layer.digest, expected: layer.size, actual: layer.size + 1)])
    try Data(bytes).write(to: URL(fileURLWithPath: blob(layer.digest)))
    try FileManager.default.moveItem(atPath: scratch("d/blobs"), toPath: scratch("blobs"))
    try FileManager.default.createSymbolicLink(
      atPath: scratch("d/blobs"), withDestinationPath: scratch("blobs"))
    #expect(try Layout.open(path).problems == [])
    // A link in a circle leads to nothing.
    try FileManager.default.removeItem(atPath: scratch("d/blobs"))
    try FileManager.default.createSymbolicLink(atPath: scratch("d/blobs"), withDestinationPath: "blobs")
    #expect(try Layout.open(path).problems.first == .strayLink(path: "blobs", target: "blobs"))
  }

  @Test func `that is itself one image's index is that image`() throws {
    let path = try extracted()
    func entry(_ image: TestImage, _ architecture: String, _ more: String = "") -> String {
      TestImage.descriptor(image.root.mediaType.rawValue, image.manifests[0].bytes).dropLast()
        + #","platform":{"os":"linux","architecture":"\#(architecture)"}\#(more)}"#
    }
    let arm = try TestImage("x.example/y:1", layers: [], architecture: "arm64")
    try Data(arm.manifests[0].bytes).write(to: URL(fileURLWithPath: blob(arm.root.digest)))
    try Data(arm.blobs[0]).write(to: URL(fileURLWithPath: blob(Digest(of: arm.blobs[0]))))
    for name in ["ferry.json", "manifest.json"] {
      try FileManager.default.removeItem(atPath: scratch("d/\(name)"))
    }
    func open(_ entries: String...) throws -> Layout {
      let text = #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
      try scratch.write(Array(text.utf8), to: "d/index.json")
      return try Layout.open(path)
    }
    let layout = try open(entry(image, "amd64"), entry(arm, "arm64"))
    #expect(layout.problems == [] && layout.images.map(\.root.digest) == [layout.archiveDigest])
    #expect(layout.images[0].reference == nil && layout.images[0].name == "")
    #expect(try layout.tree(of: layout.images[0]).manifests.map(\.digest).last == layout.archiveDigest)
    // Two images for one platform are two images; so are those with names of their own.
    #expect(try open(entry(image, "amd64"), entry(arm, "amd64")).images.count == 2)
    let named = #","annotations":{"org.opencontainers.image.ref.name":"v1"}"#
    #expect(try open(entry(image, "amd64", named), entry(arm, "arm64")).images.count == 2)
    #expect(try open(entry(image, "amd64", named), entry(arm, "arm64", named)).images.map(\.name) == ["v1"])
  }

  @Test func `that holds no layout is none`() throws {
    #expect(throws: LayoutError.notALayout(path: scratch.path, missing: "oci-layout")) {
      try Layout.open(scratch.path)
    }
    try scratch.write(Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8), to: "oci-layout")
    #expect(throws: LayoutError.notALayout(path: scratch.path, missing: "index.json")) {
      try Layout.open(scratch.path)
    }
  }
}
