import Digests
import Foundation
import Images
import Testing

@testable import Layouts

@Suite struct `The files of a layout` {
  func piece(_ path: String, of plan: ArchivePlan) throws -> String? {
    var text: String?
    try plan.forEachKnownPiece {
      if $0.path == path && $0.part == .content { text = String(decoding: $0.bytes, as: UTF8.self) }
    }
    return text
  }

  @Test func `index.json names images by tag where one repository is in the archive`() throws {
    let layer = try TestImage.Layer("a")
    let image = try TestImage("nvcr.io/team/app:1.0", layers: [layer])
    let plan = try ArchivePlan([image])
    let ferry = try #require(try piece("ferry.json", of: plan))
    #expect(
      try piece("index.json", of: plan)
        == #"{"annotations":{"org.ferry.ledger.digest":"\#(Digest(of: Array(ferry.utf8)))"},"#
        + #""manifests":[{"annotations":{"io.containerd.image.name":"nvcr.io/team/app:1.0","#
        + #""org.opencontainers.image.ref.name":"1.0"},"digest":"\#(image.root.digest)","#
        + #""mediaType":"application/vnd.oci.image.manifest.v1+json","size":\#(image.root.size)}],"#
        + #""mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}"#)
    #expect(
      ferry == #"{"files":[],"formatVersion":1,"imagesDigest":"#
        + "\"\(Digest(of: Array("nvcr.io/team/app:1.0 \(image.root.digest)\n".utf8)))\",\"omissions\":[]}")
  }

  @Test func `index.json names images in full where there are more, or where there is a digest`() throws {
    let layer = try TestImage.Layer("a")
    let image = try TestImage("h.example/a:1", layers: [layer])
    let other = try TestImage("h.example/b:1", same: image)
    let exact = try TestImage("h.example/a:1@\(image.root.digest)", same: image)
    let bare = try TestImage("h.example/a@\(image.root.digest)", same: image)
    func names(_ images: [TestImage]) throws -> [String?] {
      let bytes = Array(try #require(try piece("index.json", of: ArchivePlan(images))).utf8)
      return try IndexFile(bytes: bytes).images.map {
        $0.root.annotations?["org.opencontainers.image.ref.name"]
      }
    }
    #expect(try names([image, other]) == ["h.example/a:1", "h.example/b:1"])
    #expect(
      try names([image, exact, bare])
        == ["1", "h.example/a:1@\(image.root.digest)", "h.example/a@\(image.root.digest)"])
  }

  @Test func `manifest.json is what docker load reads`() throws {
    let images = try TestArchive.images()
    let text = try #require(try piece("manifest.json", of: ArchivePlan(images)))
    struct Entry: Decodable, Equatable {
      let Config: String
      let RepoTags: [String]
      let Layers: [String]
    }
    let entries = try JSONDecoder().decode([Entry].self, from: Data(text.utf8))
    // The multi-platform image has no entry; two tags of one image share one.
    #expect(
      entries.map(\.RepoTags) == [
        ["old.example/other:3"], ["old.example/team/app:1.0", "old.example/team/app:latest"],
      ])
    for (entry, image) in zip(entries, [images[3], images[0]]) {
      let blobs = image.manifests[0].blobs.map { "blobs/sha256/\($0.digest.hex)" }
      #expect([entry.Config] + entry.Layers == blobs)
    }
    #expect(entries[0].Layers.count == 2)  // One layer, listed twice.
  }

  @Test func `manifest.json leaves out what docker cannot load, and is left out when nothing remains`() throws
  {
    let layer = try TestImage.Layer("a")
    let artifact = try TestImage(
      "h.example/chart:1", layers: [layer], configType: "application/vnd.cncf.helm.config.v1+json")
    #expect(try piece("manifest.json", of: ArchivePlan([artifact])) == nil)
    let image = try TestImage("h.example/a:1", layers: [layer])
    let omission = Omission(image.manifests[0].blobs[1], reason: .known)
    #expect(try piece("manifest.json", of: ArchivePlan([image], omissions: [omission])) == nil)
    let untagged = try TestImage("h.example/a@\(image.root.digest)", same: image)
    #expect(try piece("manifest.json", of: ArchivePlan([untagged]))?.contains(#""RepoTags":[]"#) == true)
  }

  @Test func `JSON has one form`() {
    let value = JSONValue.object([
      "b": .array([.integer(-1), "a/b\"\\\u{1}\n\u{7f}ä"]), "a": .object([:]), "B": .array([]),
    ])
    #expect(
      String(decoding: value.bytes, as: UTF8.self)
        == #"{"B":[],"a":{},"b":[-1,"a/b\"\\\u0001\u000a"# + "\u{7f}ä\"]}")
  }

  @Test(arguments: [
    "blobs/sha256/", "blobs/sha256/xyz", "blobs/sha512/" + String(repeating: "a", count: 64),
    "blobs/sha256/" + String(repeating: "a", count: 128), "blobs/blake3/" + String(repeating: "a", count: 64),
    "blobs/" + String(repeating: "a", count: 64), "blobs/sha512/" + String(repeating: "a", count: 128) + "/x",
  ])
  func `only an algorithm's folder and its digests make a blob's path`(path: String) {
    #expect(BlobPath.digest(of: path) == nil)
  }

  @Test func `a blob's path leads back to its digest`() {
    for digest in Digest.Algorithm.allCases.map({ Digest(of: [1], by: $0) }) {
      let path = BlobPath.path(of: digest)
      #expect(BlobPath.digest(of: path) == digest && BlobPath.digest(of: path.uppercased()) == nil)
      #expect(BlobPath.digest(above: path + "/x") == digest && BlobPath.digest(above: path) == nil)
    }
  }

  @Test(arguments: [
    #"{"formatVersion":1}"#, "[]", "", #"{"formatVersion":"1"}"#,
    #"{"formatVersion":1,"imagesDigest":"sha256:0","omissions":[],"files":[]}"#,
    #"{"formatVersion":1,"imagesDigest":"\#(Digest(of: []))","omissions":[],"files":[{"path":"../x","digest":"\#(Digest(of: []))","size":0}]}"#,
    #"{"formatVersion":1,"imagesDigest":"\#(Digest(of: []))","omissions":[],"files":[{"path":"ferry/x","digest":"\#(Digest(of: []))","size":-1}]}"#,
    #"{"formatVersion":1,"imagesDigest":"\#(Digest(of: []))","omissions":[{"mediaType":"a","digest":"\#(Digest(of: []))","size":1,"reason":"mood"}],"files":[]}"#,
  ])
  func `a malformed ferry.json is refused`(text: String) {
    #expect {
      try FerryFile(bytes: Array(text.utf8))
    } throws: { error in
      if case FerryFile.ReadingError.malformed = error { true } else { false }
    }
  }
}
