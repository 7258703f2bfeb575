import Digests
import Foundation
import Images
import Tar
import TestSupport
import Testing
@testable import Layouts

/// What an archive says it leaves out on purpose, held against what lists it.
struct `Content left out on purpose` {
  private let scratch: ScratchDirectory
  private let app: TestImage

  init() throws {
    scratch = try ScratchDirectory()
    app = try TestImage(
      "old.example/team/app:1.0", layers: [TestImage.Layer("base"), TestImage.Layer("own")])
  }

  private func problems(_ images: [TestImage], _ omissions: [Omission]) throws -> [LayoutProblem] {
    try TestArchive.write(images, to: scratch("a.tar"), replacing: true, omissions: omissions)
    let passing = try #require(try StreamedContent.open(compressed("a.tar")))
    let inPlace = try Layout.open(scratch("a.tar")).problems
    #expect(try StreamedLayout.open(passing, keepingFrontIn: scratch.path).front.problems == inPlace)
    return inPlace
  }

  private func compressed(_ name: String) throws -> String {
    try scratch.write(try Peer.run("gzip", "-nc", scratch(name)), to: "\(name).gz")
    return scratch("\(name).gz")
  }

  /// An index of `entries`, each with its platform.
  private func index(_ entries: [(image: TestImage, platform: String?)]) throws -> TestImage {
    let texts = entries.map { image, platform in
      let parts = platform.map { $0.split(separator: "/") }
      return TestImage.descriptor(image.root.mediaType.rawValue, image.manifests[0].bytes).dropLast()
        + (parts.map { #","platform":{"os":"\#($0[0])","architecture":"\#($0[1])"}"# } ?? "") + "}"
    }
    let text = #"{"schemaVersion":2,"manifests":[\#(texts.joined(separator: ","))]}"#
    var image = try TestImage(
      "old.example/team/multi:1", manifest: Manifest(bytes: Array(text.utf8), mediaType: nil),
      blobs: entries.filter { $0.platform.map { $0 != "linux/arm64" } ?? false }.flatMap(\.image.blobs))
    image.manifests += entries.flatMap(\.image.manifests)
    return image
  }

  @Test func `as foreign is a foreign layer`() throws {
    let layer = app.manifests[0].blobs[1]
    let omission = Omission(layer, reason: .foreign)
    #expect(try problems([app], [omission]) == [.unfitOmission(omission, .notForeign(.ociGzipLayer))])
    let foreign = MediaType(rawValue: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
    let disguised = Omission(
      Descriptor(mediaType: foreign, digest: layer.digest, size: layer.size), reason: .foreign)
    #expect(try problems([app], [disguised]) == [.unfitOmission(disguised, .notForeign(.ociGzipLayer))])

    let text = String(decoding: app.manifests[0].bytes, as: UTF8.self)
    let honest = try TestImage(
      "old.example/team/win:1",
      manifest: Manifest(
        bytes: Array(
          text.replacing(
            #""\#(MediaType.ociGzipLayer)","digest":"\#(layer.digest)""#,
            with: #""\#(foreign)","urls":["https://x.example/l"],"digest":"\#(layer.digest)""#
          ).utf8), mediaType: nil), blobs: app.blobs)
    #expect(try problems([honest], [disguised]) == [])
    // Nobody says where it can be had.
    for urls in [#","urls":[]"#, ""] {
      let bytes = String(decoding: honest.manifests[0].bytes, as: UTF8.self).replacing(
        #","urls":["https://x.example/l"]"#, with: urls)
      let nowhere = try TestImage(
        "old.example/team/win:2", manifest: Manifest(bytes: Array(bytes.utf8), mediaType: nil),
        blobs: app.blobs)
      for images in [[nowhere], [honest, nowhere]] {
        #expect(try problems(images, [disguised]) == [.unfitOmission(disguised, .notForeign(foreign))])
      }
    }
    // Another type than the one by which it is listed; and an image to which the same bytes are no foreign layer.
    #expect(try problems([honest], [omission]) == [.unfitOmission(omission, .otherType(foreign))])
    #expect(
      try problems([honest, app], [disguised]) == [.unfitOmission(disguised, .notForeign(.ociGzipLayer))])
  }

  @Test(arguments: [Omission.Reason.foreign, .platform]) func `is no config`(reason: Omission.Reason) throws {
    let omission = Omission(app.manifests[0].blobs[0], reason: reason)
    let found = try problems([app], [omission])
    #expect(
      found == [.unfitOmission(omission, reason == .foreign ? .notForeign(.ociConfig) : .notAnotherPlatform)])
    #expect(found.first?.subject == omission.descriptor.digest)
  }

  @Test func `for its platform is one of an index's manifests, and not all of them`() throws {
    let layer = Omission(app.manifests[0].blobs[1], reason: .platform)
    #expect(try problems([app], [layer]) == [.unfitOmission(layer, .notAnotherPlatform)])

    let arm = try TestImage("old.example/x:arm", layers: [TestImage.Layer("arm")], architecture: "arm64")
    let other = Omission(arm.root, reason: .platform)
    let both = try index([(app, "linux/amd64"), (arm, "linux/arm64")])
    #expect(try problems([both], [other]) == [])
    #expect(
      try problems([index([(app, "linux/amd64"), (arm, nil)])], [other]) == [
        .unfitOmission(other, .notAnotherPlatform)
      ])
    #expect(
      try problems([index([(arm, "linux/arm64")])], [other]) == [.unfitOmission(other, .nothingLeft)])
    // What speaks of an image is none.
    #expect(
      try problems([index([(arm, "linux/arm64"), (app, "unknown/unknown")])], [other]) == [
        .unfitOmission(other, .nothingLeft)
      ])
    let known = Omission(arm.root, reason: .known)
    #expect(try problems([both], [known]) == [.unfitOmission(known, .notABlob)])
  }

  @Test func `as known names what knows of it`() throws {
    let omission = Omission(app.manifests[0].blobs[1], reason: .known, source: Digest(of: [1]))
    #expect(try problems([app], [omission]) == [.unfitOmission(omission, .unknownSource)])
  }
}
