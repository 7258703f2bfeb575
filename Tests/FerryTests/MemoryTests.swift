import Foundation
import TestSupport
import Testing

/// A layer's size is no matter of memory.
@Suite(.waiting) struct `An image with a layer of 256 MiB` {
  private static let size = 256 << 20
  private static let chunk = [UInt8](repeating: 0x5A, count: 1 << 20)
  /// As the debug build needs it; the release build stays under half of that.
  private static let bound: Int64 = 64 << 20

  /// The layer's digest, without the layer.
  private static let digest = BlobDigest.of(chunk, times: size >> 20)

  /// Runs ferry and returns its largest resident set, in bytes.
  private func peak(_ ferry: FerryProcess, _ arguments: [String]) throws -> Int64 {
    // Not this process's own measure: what a child has before it becomes another program counts there.
    let file = ferry.file("peak")
    var command = ferry.command(arguments)
    command.arguments = ["-q", "-f", "%M", "-o", file, command.program] + arguments
    command.program = "time"
    let result = try command.run()
    #expect(result.status == 0, "\(result.standardError)")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    return try #require(Int64(text.trimmingCharacters(in: .whitespacesAndNewlines))) << 10
  }

  @Test func `is exported, verified and imported within 64 MiB`() throws {
    let (digest, size) = (Self.digest, Self.size)
    let config = Array(#"{"rootfs":{"type":"layers","diff_ids":["\#(digest)"]}}"#.utf8)
    let oci = "application/vnd.oci.image"
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json","config":{"mediaType":"\(oci).config.v1+json",\
      "digest":"\(BlobDigest.of(config))","size":\(config.count)},"layers":[{"mediaType":\
      "\(oci).layer.v1.tar","digest":"\(digest)","size":\(size)}]}
      """
    let source = ScriptedRegistry { request in
      guard request.method == "GET", request.path.hasSuffix(digest) else { return nil }
      return ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: size)), .sendRepeated(Self.chunk, count: size),
      ])
    }
    source.add(config)
    source.add(manifest: manifest, as: "\(oci).manifest.v1+json", to: "big/one", tag: "1")
    let ferry = try FerryProcess()
    #expect(
      try peak(ferry, ["export", "--plain-http", source.reference("big/one:1"), "-o", "a.tar"]) < Self.bound)
    #expect(try peak(ferry, ["verify", "--deep", "a.tar"]) < Self.bound)

    let destination = ScriptedRegistry(keepsUploads: false)
    #expect(
      try peak(ferry, ["import", "a.tar", "--plain-http", "--to", "\(destination.host)/new"]) < Self.bound)
    #expect(destination.tags == ["new/one:1"])
    let sent = destination.server.requests.filter { ["PATCH", "PUT"].contains($0.method) }.map(\.bodyLength)
    #expect(sent.reduce(0, +) >= size)
  }
}
