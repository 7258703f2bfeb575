import Foundation
import Synchronization
import TestSupport
import Testing

/// What a registry answers when it is asked what refers to an image: a list, no such API, or nothing to rely on.
@Suite(.waiting) struct `An answer about referrers` {
  private static let oci = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"

  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Adds something that refers to `subject`; its descriptor, and its digest.
  private func add(_ text: String, about subject: String, to registry: ScriptedRegistry) -> (
    entry: String, digest: String
  ) {
    let blob = registry.add(Array(text.utf8))
    let empty = registry.add(Array("{}".utf8))
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(Self.oci)","artifactType":"application/vnd.example.\(text)",\
      "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(empty)","size":2},\
      "layers":[{"mediaType":"text/plain","digest":"\(blob)","size":\(text.utf8.count)}],\
      "subject":{"mediaType":"\(Self.oci)","digest":"\(subject)","size":9}}
      """
    let digest = registry.add(manifest: manifest, as: Self.oci, to: "old/app")
    return (
      #"{"mediaType":"\#(Self.oci)","digest":"\#(digest)","size":\#(manifest.utf8.count)}"#, digest
    )
  }

  /// A registry that answers the question for the image `old/app:1` by `answer`, which gets the descriptor of what
  /// refers to it.
  private func registry(
    _ answer: @escaping @Sendable (String) -> ScriptedResponse
  ) -> (registry: ScriptedRegistry, signature: String) {
    let box = Box()
    let subject = Box()
    let registry = ScriptedRegistry { request in
      guard request.path.contains("/referrers/") else { return nil }
      return request.path.hasSuffix(subject.text)
        ? answer(box.text)
        : ScriptedResponse(headers: [("Content-Type", Self.index)], text: #"{"manifests":[]}"#)
    }
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let signature = add("signature", about: image, to: registry)
    box.text = signature.entry
    subject.text = image
    return (registry, signature.digest)
  }

  private func arguments(_ registry: ScriptedRegistry) -> [String] {
    [
      "export", "--plain-http", "--retries", "0", "--force", "-o", "a.tar", registry.reference("old/app:1"),
    ]
  }

  @Test(arguments: [
    #"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#, #"{"errors":{"code":"DENIED"},"manifests":[]}"#,
    #"{"Errors":[{"code":"DENIED"}],"manifests":[]}"#, #"{"error":"denied","manifests":null}"#,
    #"{"schemaVersion":2,"manifests":[ENTRY"#, #"{"references":[ENTRY]}"#, #"{"referrers":[ENTRY]}"#,
    #"{"manifests":[],"referrers":[ENTRY]}"#, #"{"manifests":[],"manifests":[ENTRY]}"#,
    #"{"manifests":[],"Manifests":[ENTRY]}"#, #"{"manifests":[ENTRY]} {}"#, #"{}"#, #"[]"#, "",
  ]) func `that says no or cannot be read is a failure`(_ text: String) throws {
    for type in [Self.index, "application/json"] {
      let (registry, _) = registry { entry in
        ScriptedResponse(
          headers: [("Content-Type", type)], text: text.replacingOccurrences(of: "ENTRY", with: entry))
      }
      try ferry.run(arguments(registry), exits: 13).complains("--no-referrers")
      #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    }
  }

  @Test(arguments: [
    (400, #"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#), (404, #"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#),
    (404, #"{"errors":[{"code":"NAME_UNKNOWN"},{"code":"INTERNAL"}]}"#),
    (405, #"{"errors":[{"code":"UNAVAILABLE"}]}"#),
  ]) func `that refuses for another reason than that it does not know the question is a failure`(
    _ status: Int, _ text: String
  ) throws {
    let (registry, _) = registry { _ in ScriptedResponse(status, json: text) }
    try ferry.run(arguments(registry), exits: 13).complains("--no-referrers")
  }

  @Test(arguments: [
    (404, "UNAUTHORIZED"), (400, "DENIED"), (404, "DENIED"), (403, "DENIED"),
  ]) func `that is not for whoever asks is told of`(_ status: Int, _ code: String) throws {
    let (registry, _) = registry { _ in ScriptedResponse(status, json: #"{"errors":[{"code":"\#(code)"}]}"#) }
    let result = try ferry.run(arguments(registry) + ["--json"], exits: 0)
    result.complains("only referrers with tags are carried")
    let left = try Report(result).objects("images").first?["notCarried"] as? [[String: Any]]
    #expect(left?.compactMap { $0["reason"] as? String } == ["notShown"])
  }

  @Test(arguments: [
    (400, ""), (404, ""), (405, ""), (501, ""), (404, "404 page not found"), (404, "<html>404</html>"),
    (404, #"{"message":"404 Not Found"}"#), (404, "{}"), (200, "<html>Welcome</html>"), (200, "Welcome"),
    (404, #"{"errors":[{"code":"UNSUPPORTED"}]}"#), (404, #"{"errors":[{"code":"NOT_FOUND"}]}"#),
    (404, #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#), (404, #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#),
    (404, #"{"errors":[{"code":"PAGE_NOT_FOUND"}]}"#), (400, #"{"errors":[{"code":"UNSUPPORTED"}]}"#),
    (404, #"{"errors":["UNKNOWN"]}"#), (400, #"{"errors":[{"code":"INVALID_REQUEST"}]}"#),
    (200, #"{"message":"ok"}"#),
    (404, #"{"errors":[{"code":404,"message":"no"}]}"#), (404, #"{"errors":[{"code":"NAME_INVALID"}]}"#),
  ]) func `of a registry without the API is no failure`(_ status: Int, _ text: String) throws {
    let (registry, _) = registry { _ in ScriptedResponse(status, text: text) }
    let result = try ferry.run(arguments(registry), exits: 0)
    #expect(!result.standardError.contains("not carried"))
  }

  @Test(arguments: [
    #"{"mediaType":"x/y","digest":"md5:aa","size":1}"#, #"{"digest":"x"}"#, "7", "null",
    #"{"mediaType":"x/y","digest":"sha256:00","size":-1}"#,
  ]) func `with an entry that cannot be read has others that travel`(_ strange: String) throws {
    for type in [Self.index, "application/json"] {
      let (registry, signature) = registry { entry in
        ScriptedResponse(
          headers: [("Content-Type", type)],
          text: #"{"schemaVersion":2,"manifests":[\#(strange),\#(entry)]}"#)
      }
      let result = try ferry.run(arguments(registry) + ["--json"], exits: 0)
      result.complains("not carried: ", "cannot be read")
      let left = try Report(result).objects("images").first?["notCarried"] as? [[String: Any]]
      #expect(left?.compactMap { $0["reason"] as? String } == ["unreadable"])
      #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(signature))
    }
  }

  @Test func `may have annotations that are null`() throws {
    let (registry, signature) = registry { entry in
      ScriptedResponse(
        headers: [("Content-Type", "application/json")],
        text: #"{"manifests":[\#(entry.dropLast()),"annotations":{"a":null,"b":"c"}}]}"#)
    }
    let result = try ferry.run(arguments(registry), exits: 0)
    #expect(!result.standardError.contains("not carried"))
    #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(signature))
  }

  @Test func `that goes on with a page of what was there already is cut short`() throws {
    let (registry, _) = registry { entry in
      ScriptedResponse(
        headers: [("Content-Type", Self.index), ("Link", "<?from=2>; rel=\"next\"")],
        text: #"{"manifests":[\#(entry)]}"#)
    }
    try ferry.run(arguments(registry), exits: 13)
  }

  /// One manifest's answer says nothing of others, until a second one's is the same.
  @Test(arguments: [("", 404), ("404 page not found", 404), ("<html>", 200)])
  func `for one manifest leaves what others are asked`(text: String, status: Int) throws {
    let box = Box()
    let registry = ScriptedRegistry(referrersPage: 9) { request in
      request.path.hasSuffix(box.text) && request.path.contains("/referrers/")
        ? ScriptedResponse(status, text: text) : nil
    }
    let first = registry.add(image: [[1]], to: "old/app", tag: "1")
    let second = registry.add(image: [[2]], to: "old/app", tag: "2")
    let entries = [(first, "amd64"), (second, "arm64")].map {
      #"{"mediaType":"\#(Self.oci)","digest":"\#($0)","size":\#(registry.size(of: $0)),"#
        + #""platform":{"os":"linux","architecture":"\#($1)"}}"#
    }
    let both = registry.add(
      manifest:
        #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[\#(entries.joined(separator: ","))]}"#,
      as: Self.index, to: "old/app", tag: "both")
    box.text = first
    let expected = [second, both].map { add("about-\($0.suffix(6))", about: $0, to: registry).digest }
    try ferry.export([registry.reference("old/app:both")], to: "a.tar", "--jobs", "1")
    let inspected = try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput
    for digest in expected { #expect(inspected.contains(digest)) }
    // The first that is asked is the image itself.
    box.text = both
    try ferry.export([registry.reference("old/app:both")], to: "b.tar", "--jobs", "1")
    #expect(try ferry.run(["inspect", "--json", "b.tar"], exits: 0).standardOutput.contains(expected[0]))
  }
}

/// A text that is known only when the registry that gives it runs.
private final class Box: Sendable {
  private let state = Mutex(" ")
  var text: String {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
