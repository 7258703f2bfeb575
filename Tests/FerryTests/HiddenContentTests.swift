import Foundation
import Synchronization
import TestSupport
import Testing

/// What hangs on an image and is easily passed over: it is carried, or a line says that it is not.
@Suite(.waiting) struct `What is easily passed over` {
  private static let oci = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"

  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Adds something that refers to `subject`, or is named by a tag.
  @discardableResult
  private func add(
    _ text: String, about subject: String? = nil, as type: String = oci, to registry: ScriptedRegistry,
    tag: String? = nil
  ) -> String {
    let blob = registry.add(Array(text.utf8))
    let empty = registry.add(Array("{}".utf8))
    let subjected =
      subject.map { #","subject":{"mediaType":"\#(Self.oci)","digest":"\#($0)","size":9}"# } ?? ""
    return registry.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(type)","artifactType":"application/vnd.example.\(text)",\
        "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(empty)","size":2},\
        "layers":[{"mediaType":"text/plain","digest":"\(blob)","size":\(text.utf8.count)}]\(subjected)}
        """, as: type, to: "old/app", tag: tag)
  }

  @discardableResult
  private func add(
    index entries: [(digest: String, type: String, architecture: String?)], to registry: ScriptedRegistry,
    tag: String? = nil
  ) -> String {
    let listed = entries.map { digest, type, architecture in
      let platform = architecture.map { #","platform":{"os":"linux","architecture":"\#($0)"}"# } ?? ""
      return
        #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(registry.size(of: digest))\#(platform)}"#
    }
    return registry.add(
      manifest:
        #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[\#(listed.joined(separator: ","))]}"#,
      as: Self.index, to: "old/app", tag: tag)
  }

  private func tag(_ digest: String, _ suffix: String) -> String {
    digest.replacingOccurrences(of: ":", with: "-") + suffix
  }

  private func left(_ result: CommandResult) throws -> Set<String> {
    let left = try Report(result).objects("images").first?["notCarried"] as? [[String: Any]]
    return Set((left ?? []).compactMap { $0["digest"] as? String })
  }

  @Test(arguments: [403, 200]) func `travels by cosign's tags that a list or HEAD does not know`(
    status: Int
  ) throws {
    let registry = ScriptedRegistry { request in
      if request.path.hasSuffix("/tags/list") { return ScriptedResponse(status, json: #"{"tags":["1"]}"#) }
      let isHead = request.method == "HEAD" && request.path.contains("/manifests/")
      return isHead ? ScriptedResponse(404).withoutBody : nil
    }
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let carried = [".sig", ".att", ".sbom"].map { add("of\($0)", to: registry, tag: tag(image, $0)) }
    try ferry.export([registry.reference("old/app:1")], to: "a.tar")
    let inspected = try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput
    for digest in carried { #expect(inspected.contains(digest)) }
  }

  /// One image has one kind, the next another; what the first has says nothing of the others.
  @Test func `travels by each of cosign's tags, whatever other images have`() throws {
    let registry = ScriptedRegistry { request in
      request.path.hasSuffix("/tags/list") ? ScriptedResponse(200, json: #"{"tags":["0","1","2"]}"#) : nil
    }
    let carried = [".att", ".sbom", ".sig"].enumerated().map { number, kind in
      let image = registry.add(image: [[UInt8(number)]], to: "old/app", tag: "\(number)")
      return add("of\(kind)", to: registry, tag: tag(image, kind))
    }
    try ferry.export([registry.reference("old/app")], to: "a.tar", "--all-tags", "--jobs", "1")
    let inspected = try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput
    for digest in carried { #expect(inspected.contains(digest)) }
  }

  @Test func `is a foreign layer that HEAD does not know`() throws {
    let registry = ScriptedRegistry { request in
      request.method == "HEAD" && request.path.contains("/blobs/") ? ScriptedResponse(404).withoutBody : nil
    }
    let layer = registry.add([1, 2, 3])
    let config = Array(
      #"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":["\#(layer)"]}}"#.utf8)
    registry.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(Self.oci)","config":{"mediaType":"application/vnd.oci.image.config.v1+json",\
        "digest":"\(registry.add(config))","size":\(config.count)},"layers":[{"mediaType":\
        "application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"\(layer)","size":3,"urls":["http://x/"]}]}
        """, as: Self.oci, to: "old/app", tag: "1")
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", registry.reference("old/app:1")], exits: 0)
    #expect(!result.standardError.contains("not carried"))
    #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(layer))
  }

  @Test func `refers to what --platform leaves out deeper down`() throws {
    let registry = ScriptedRegistry(referrersPage: 9)
    let amd = registry.add(image: [[1]], to: "old/app", tag: "amd")
    let arm = registry.add(image: [[2]], to: "old/app", tag: "arm")
    let inner = add(index: [(arm, Self.oci, "arm64")], to: registry)
    let outer = add(index: [(amd, Self.oci, "amd64"), (inner, Self.index, nil)], to: registry, tag: "1")
    let sbom = add("sbom", about: outer, to: registry)
    let expected = [
      sbom, add("signature-of-sbom", about: sbom, to: registry),
      add("signature-of-inner", about: inner, to: registry),
      add("signature-of-arm", about: arm, to: registry),
    ]
    let result = try ferry.run(
      [
        "export", "--plain-http", "-o", "a.tar", "--json", "--platform", "linux/amd64",
        registry.reference("old/app:1"),
      ], exits: 0)
    for digest in expected { result.complains("not carried: ", digest) }
    #expect(try left(result) == Set(expected))
  }

  @Test func `refers to what is named as not carried`() throws {
    let gone = BlobDigest.of([7, 7])
    let registry = ScriptedRegistry(referrersPage: 9) { request in
      request.path.hasSuffix("/manifests/\(gone)") ? ScriptedResponse(404, json: "{}") : nil
    }
    let image = registry.add(image: [[1]], to: "old/app", tag: "1")
    let list = """
      {"schemaVersion":2,"mediaType":"\(Self.index)","manifests":[{"mediaType":"\(Self.oci)","digest":"\(gone)","size":2}]}
      """
    registry.add(manifest: list, as: Self.index, to: "old/app", tag: tag(image, ""))
    let signature = add("signature", about: gone, to: registry)
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", "--json", registry.reference("old/app:1")], exits: 0)
    result.complains("not carried: ", signature)
    #expect(try left(result) == [gone, signature])
  }

  @Test func `is listed by a manifest of a type that ferry does not know`() throws {
    let type = "application/vnd.foo.manifest.v1+json"
    let registry = ScriptedRegistry(referrersPage: 9)
    let amd = registry.add(image: [[1]], to: "old/app", tag: "amd")
    let strange = registry.add(manifest: #"{"things":[]}"#, as: type, to: "old/app")
    add(index: [(amd, Self.oci, "amd64"), (strange, type, nil)], to: registry, tag: "1")
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", "--json", registry.reference("old/app:1")], exits: 0)
    result.complains("not carried: ", strange, type)
    let listed = try Report(result).objects("images").first?["unknownManifests"] as? [[String: Any]]
    #expect(listed?.compactMap { $0["digest"] as? String } == [strange])
    for command in ["verify", "inspect"] {
      let words = try ferry.run([command, "a.tar"], exits: 0).standardOutput
      #expect(words.contains("not carried: what \(strange) may list"), "\(words)")
      let archive = try #require(
        Report(ferry.run([command, "--json", "a.tar"], exits: 0)).objects("archives").first)
      let listed = archive["unknownManifests"] as? [[String: Any]]
      #expect(listed?.compactMap { $0["digest"] as? String } == [strange])
    }
    // Of what is known nothing is said.
    try ferry.export([registry.reference("old/app:amd")], to: "b.tar")
    #expect(try !ferry.run(["inspect", "b.tar"], exits: 0).standardOutput.contains("not carried"))
  }

  @Test func `is which image has a layer that cannot be had`() throws {
    let registry = ScriptedRegistry()
    registry.add(image: [[1]], to: "old/app", tag: "1")
    let config = registry.add(Array("{}".utf8))
    let layer = registry.add([2, 2])
    registry.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(Self.oci)","config":{"mediaType":"application/vnd.example",\
        "digest":"\(config)","size":2},"layers":[{"mediaType":"text/plain","digest":"\(layer)","size":3}]}
        """, as: Self.oci, to: "old/app", tag: "2")
    let images = ["1", "2"].map { registry.reference("old/app:\($0)") }
    let arguments = ["export", "--plain-http", "--retries", "0"] + images
    let stopped = try ferry.run(arguments + ["-o", "a.tar"], exits: 14)
    stopped.complains(images[1], "--keep-going")
    #expect(!stopped.standardError.contains(images[0] + " "))
    try ferry.run(arguments + ["-o", "a.tar", "--keep-going"], exits: 3)
    let streamed = try ferry.command(arguments + ["-o", "-"]).run()
    #expect(streamed.status == 14)
    #expect(streamed.standardError.contains(images[1]), "\(streamed.standardError)")
    #expect(!streamed.standardError.contains("--keep-going"))
  }

  @Test func `is a login that an auth file has in a way that ferry does not use`() throws {
    let registry = ScriptedRegistry()
    registry.add(image: [[1]], to: "old/app", tag: "1")
    for (text, name) in [
      (#"{"auths":{"\#(registry.host)":{"registrytoken":"secret"}}}"#, "registrytoken"),
      (#"{"Auths":{"\#(registry.host)":{"auth":"dTpw"}}}"#, "Auths"),
      (#"{"auths":{"\#(registry.host)":{"auth":"dTpw"}},"CredsStore":"x"}"#, "CredsStore"),
      (#"{"auths":{"\#(registry.host)":{"Auth":"dTpw"}}}"#, "Auth"),
    ] {
      try text.write(toFile: ferry.file("auth.json"), atomically: true, encoding: .utf8)
      let arguments = ["list", "--plain-http", registry.reference("old/app"), "--auth-file", "auth.json"]
      let refused = try ferry.run(arguments, exits: 64)
      refused.complains("auth.json", name)
      #expect(!refused.standardError.contains("secret"))
    }
  }
}
