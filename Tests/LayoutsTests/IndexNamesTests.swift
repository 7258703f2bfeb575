import Digests
import Images
import TestSupport
import Testing

@testable import Layouts

/// What readers of one `index.json` call its images.
struct `The names of an index` {
  private static let name = "io.containerd.image.name"
  private static let refName = "org.opencontainers.image.ref.name"

  private func entry(_ image: String, _ name: String?, _ refName: String?, _ more: String = "") -> String {
    let names = [name.map { #""\#(Self.name)":"\#($0)""# }, refName.map { #""\#(Self.refName)":"\#($0)""# }]
    return TestImage.descriptor("\(MediaType.ociManifest)", Array(image.utf8)).dropLast()
      + #","annotations":{\#(names.compactMap { $0 }.joined(separator: ","))}\#(more)}"#
  }

  private func ambiguous(_ entries: String...) throws -> [String] {
    let text = #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
    return ReaderNames.ambiguous(among: try IndexFile(bytes: Array(text.utf8)).images)
  }

  private let one = "x.example/app:1"
  private let two = "x.example/app:2"

  @Test func `stand for one image each, to all who read them`() throws {
    #expect(try ambiguous(entry("a", one, one), entry("b", one, one)) == [one])
    #expect(try ambiguous(entry("a", one, nil), entry("b", nil, one)) == [one])
    #expect(try ambiguous(entry("a", one, two), entry("b", two, one)) == [one, two])
    #expect(try ambiguous(entry("a", one, "2"), entry("b", two, "1")) == [one, two])
    #expect(try ambiguous(entry("a", one, "app:2"), entry("b", two, "app:1")) == [one, two])
    #expect(try ambiguous(entry("a", nil, "1"), entry("b", nil, "1")) == ["1"])
    #expect(
      try ambiguous(entry("a", "docker.io/library/app:1", "1"), entry("b", nil, "app:1")) == [
        "docker.io/library/app:1"
      ])
  }

  @Test func `are those that either annotation gives, whatever the other says`() throws {
    let digest = Digest(of: Array("a".utf8))
    // What is no name, a tag, or a name by digest, which is no tag's.
    for name in [
      "", "latest", "Not A Name", "x.example/app@\(digest)", "x.example/app:1@\(digest)", "<none>",
    ] {
      #expect(try ambiguous(entry("a", name, one), entry("b", one, nil)) == [one], "\(name)")
      #expect(try ambiguous(entry("a", one, nil), entry("b", name, one)) == [one], "\(name)")
      #expect(try ambiguous(entry("a", name, one), entry("a", one, nil), entry("b", two, nil)) == [])
    }
    #expect(
      try ambiguous(entry("a", "", "app:1"), entry("b", "docker.io/library/app:1", nil)) == [
        "docker.io/library/app:1"
      ])
    #expect(try ambiguous(entry("a", "", "1"), entry("b", nil, "1")) == ["1"])
    // Docker knows its registry by two names, and every image without a tag by that one.
    let index = "index.docker.io/library/app"
    #expect(
      try ambiguous(entry("a", nil, index), entry("b", "docker.io/library/app:latest", nil)) == [
        "docker.io/library/app:latest"
      ])
    #expect(
      try ambiguous(entry("a", "x.example/app", nil), entry("b", "x.example/app:latest", nil)).count == 1)
    // What is named by its digest has another name than what a tag stands for.
    #expect(
      try ambiguous(
        entry("a", "x.example/app@\(digest)", "1"), entry("a", "x.example/app:1@\(digest)", nil),
        entry("b", one, "1")) == [])
  }

  @Test func `may be an attestation's only as its image's own`() throws {
    func attestation(_ platform: String, _ name: String?, _ refName: String?) -> String {
      let text =
        #""vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"\#(Digest(of: Array("b".utf8)))""#
      return entry("a", name, refName, platform).replacing(
        #""annotations":{"#, with: #""annotations":{\#(text)"# + (name ?? refName == nil ? "" : ","))
    }
    let none = #","platform":{"os":"unknown","architecture":"unknown"}"#
    #expect(try ambiguous(attestation("", nil, one), entry("b", one, nil)) == [one])
    #expect(try ambiguous(attestation("", one, nil), entry("b", one, nil)) == [one])
    #expect(try ambiguous(attestation(none, nil, one), entry("b", one, nil)) == [one])
    #expect(try ambiguous(attestation(none, one, "1"), entry("b", one, "1")) == [])
    #expect(try ambiguous(attestation(none, nil, nil), entry("b", one, "1")) == [])
  }

  private func kind(_ kind: String, _ entry: String) -> String {
    entry.replacing(#""annotations":{"#, with: #""annotations":{"kind":"\#(kind)","#)
  }

  @Test(arguments: ["dev.cosignproject.cosign/", "dev.hauler/"])
  func `are no signature's whose image is not there, or cannot be told`(vendor: String) throws {
    func names(_ entries: String...) throws -> [String] {
      let text = #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
      return try IndexFile(bytes: Array(text.utf8)).images.map(\.name)
    }
    let (image, other) = (entry("a", one, nil), entry("c", one, nil))
    let tag = "x.example/app:sha256-\(Digest(of: Array("a".utf8)).hex)"
    for (name, suffix) in [("sigs", ".sig"), ("atts", ".att"), ("sboms", ".sbom")] {
      let attached = kind(vendor + name, entry("b", one, nil))
      let byDigest = "x.example/app@\(Digest(of: Array("b".utf8)))"
      #expect(try names(attached) == [byDigest])
      #expect(try names(kind(vendor + "image", entry("a", two, nil)), attached) == [two, byDigest])
      #expect(try names(image, other, attached) == [one, one, byDigest])
      #expect(try names(kind(vendor + "image", image), attached) == [one, tag + suffix])
      #expect(try names(image, attached) == [one, tag + suffix])
    }
  }

  @Test(arguments: ["dev.cosignproject.cosign/", "dev.hauler/"])
  func `are a signature's whose one image is in another list`(vendor: String) throws {
    func names(_ lists: [String]...) throws -> [[String]]? {
      let lists = try lists.map { entries in
        let text = #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#
        return try IndexFile(bytes: Array(text.utf8)).images
      }
      return AttachedContent.naming(across: lists, signed: { _, _ in [] }, holds: { _ in true })?.map {
        $0.map(\.name)
      }
    }
    let (image, other) = (entry("a", one, nil), entry("c", one, nil))
    let tag = "x.example/app:sha256-\(Digest(of: Array("a".utf8)).hex)"
    for (name, suffix) in [("sigs", ".sig"), ("atts", ".att"), ("sboms", ".sbom")] {
      let attached = kind(vendor + name, entry("b", one, nil))
      let byDigest = "x.example/app@\(Digest(of: Array("b".utf8)))"
      #expect(try names([attached]) == [[byDigest]])
      #expect(try names([image, attached], [other]) == [[one, tag + suffix], [one]])
      #expect(try names([image], [other]) == nil)
      #expect(try names([attached], [image]) == [[tag + suffix], [one]])
      #expect(try names([kind(vendor + "image", image)], [attached]) == [[one], [tag + suffix]])
      #expect(try names([attached], [image], [image]) == [[tag + suffix], [one], [one]])
      #expect(try names([attached], [image], [other]) == [[byDigest], [one], [one]])
      #expect(try names([attached], [entry("a", two, nil)]) == [[byDigest], [two]])
    }
  }

  /// As cosign save and hauler list them.
  @Test func `may be a signature's, which its kind tells from the image`() throws {
    let image = entry("a", one, one)
    for name in ["sigs", "atts", "sboms"] {
      #expect(try ambiguous(image, kind("dev.cosignproject.cosign/\(name)", entry("b", nil, one))) == [])
    }
    #expect(try ambiguous(image, kind("dev.cosignproject.cosign/image", entry("b", nil, one))) == [one])
    #expect(try ambiguous(image, kind("sigs", entry("b", nil, one))) == [one])
  }

  @Test func `may stand for one of each platform`() throws {
    let platforms = ["amd64", "arm64"].map { #","platform":{"os":"linux","architecture":"\#($0)"}"# }
    #expect(try ambiguous(entry("a", one, "1", platforms[0]), entry("b", one, "1", platforms[1])) == [])
    #expect(try ambiguous(entry("a", one, "1", platforms[0]), entry("b", one, "1", platforms[0])) == [one])
    #expect(try ambiguous(entry("a", one, "1", platforms[0]), entry("b", one, "1")) == [one])
  }

  @Test func `are sound as each tool writes them`() throws {
    // ctr and buildx, of two repositories with one tag, and of one image by two names.
    #expect(try ambiguous(entry("a", one, "1"), entry("b", "x.example/b:1", "1"), entry("a", two, "2")) == [])
    // hauler, which leaves out the host; regctl and oras, of one repository; skopeo and crane.
    #expect(try ambiguous(entry("a", one, "app:1"), entry("b", "y.example/app:1", "app:1")) == [])
    #expect(
      try ambiguous(
        entry("a", "docker.io/library/app:1", "app:1"), entry("b", "docker.io/library/app:2", "library/app:2")
      ) == [])
    #expect(try ambiguous(entry("a", nil, "1"), entry("b", nil, "2"), entry("a", nil, "3")) == [])
    #expect(try ambiguous(entry("a", nil, one), entry("b", nil, two), entry("b", nil, "rancher/x:v1")) == [])
    #expect(try ambiguous(entry("a", nil, nil), entry("b", nil, nil)) == [])
  }
}
