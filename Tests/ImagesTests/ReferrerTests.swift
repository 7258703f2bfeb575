import Digests
import Foundation
import Images
import Testing

@Suite struct `A referrer's tag` {
  let hex = String(repeating: "0a", count: 32)

  @Test(arguments: [
    ("", ReferrerTag.Kind.list), (".sig", .signature), (".att", .attestation), (".sbom", .sbom),
  ])
  func `names its subject`(_ suffix: String, _ kind: ReferrerTag.Kind) throws {
    let tag = try #require(ReferrerTag("sha256-\(hex)\(suffix)"))
    #expect(tag.subject == Digest(hex: hex))
    #expect(tag.kind == kind)
    #expect(tag.tag == "sha256-\(hex)\(suffix)")
  }

  @Test(arguments: [
    "", "1.0", "sha256-", "sha256-0a", "sha512-HEX.sig", "sha512-HEX0", "blake3-HEX", "sha256-HEX.SIG",
    "sha256-HEX.sig1", "xsha256-HEX",
  ])
  func `is no other tag`(_ form: String) {
    #expect(ReferrerTag(form.replacingOccurrences(of: "HEX", with: hex)) == nil)
  }
}

@Suite struct `A referrer's tag for a long digest` {
  @Test func `has its first 64 digits, and does not tell which it is`() throws {
    let subject = Digest(of: [1], by: .sha512)
    let tag = ReferrerTag(.list, of: subject)
    #expect(tag.tag == "sha512-\(subject.hex.prefix(64))" && tag.subject == subject)
    let read = try #require(ReferrerTag(tag.tag))
    #expect(read == tag && read.subject == nil && read.kind == .list)
    // Of the other kinds registries take no tag.
    #expect(!RepositoryName.isValidTag(ReferrerTag(.signature, of: subject).tag))
  }
}

@Suite struct `A list of referrers` {
  private func manifest(_ members: String, type: MediaType = .ociManifest) throws -> Manifest {
    try Manifest(
      bytes: Array(#"{"schemaVersion":2,"mediaType":"\#(type)",\#(members)}"#.utf8), mediaType: nil)
  }

  private func signature(_ number: Int) throws -> Manifest {
    let empty = #"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\#(Digest(of: [1]))","size":1}"#
    return try manifest(
      #""artifactType":"example/\#(number)","config":\#(empty),"layers":[],"annotations":{"n":"\#(number)"}"#)
  }

  @Test func `describes what it is given, once`() throws {
    var list = ReferrersList()
    let one = try signature(1)
    let two = try signature(2)
    #expect([one, one, two].map { list.add($0) } == [true, false, true])
    let written = try list.manifest()
    guard case .index(let index) = written.content else { throw ManifestError.ambiguous }
    #expect(index.manifests.map(\.artifactType) == ["example/1", "example/2"])
    let annotations = try DocumentShape.loose.decode(JSONValue.self, from: written.bytes).members?[
      "manifests"]?
      .elements?.map { $0.members?["annotations"]?.members }
    #expect(annotations == [["n": "1"], ["n": "2"]])
    #expect(index.manifests[0].digest == one.digest && index.manifests[0].size == Int64(one.bytes.count))
    #expect(written.mediaType == .ociIndex)
    // Read and written again it is the same.
    #expect(try ReferrersList(written).manifest().bytes == written.bytes)
  }

  @Test func `keeps what others wrote, known or not`() throws {
    let entry =
      #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(Digest(of: [7]))","size":7,"x-theirs":[1,2.5,null,true,{"a":"/"}]}"#
    let theirs = try manifest(
      #""manifests":[\#(entry)],"annotations":{"by":"them"},"x-more":"ü""#, type: .ociIndex)
    var list = try ReferrersList(theirs)
    list.add(try signature(1))
    let text = String(decoding: try list.manifest().bytes, as: UTF8.self)
    #expect(text.contains(#""x-theirs":[1,2.5,null,true,{"a":"/"}]"#))
    #expect(text.contains(#""annotations":{"by":"them"}"#) && text.contains(#""x-more":"ü""#))

    var ours = ReferrersList()
    ours.add(try signature(1))
    let other = try ReferrersList(theirs)
    #expect([other, other].map { ours.add($0) } == [true, false])
    #expect(list.digests == ours.digests)
  }

  @Test func `is an OCI index and nothing else`() throws {
    #expect(throws: ManifestError.unknownType(MediaType.dockerManifestList.rawValue)) {
      try ReferrersList(try manifest(#""manifests":[]"#, type: .dockerManifestList))
    }
    #expect(throws: ManifestError.unknownType(MediaType.ociManifest.rawValue)) {
      try ReferrersList(try signature(1))
    }
  }
}
