import Foundation
import TestSupport
import Testing

/// One layer that two repositories of an export hold, of which the first in line fails in the middle of it.
@Suite(.waiting) struct `A layer that several repositories hold` {
  private static let layer: [UInt8] = {
    var random = SeededGenerator(seed: 9)
    return random.bytes(9_000_000)
  }()
  private static let digest = BlobDigest.of(layer)
  private static let gone = GatewayFault.Effect.answer(404, body: #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#)

  private let ferry: FerryProcess
  private let registry: RegistryProcess
  private let gateway: FaultGateway
  private var images: [String] { ["old/a:1", "old/b:1"].map(gateway.reference) }
  private var first: GatewayFault.Target { .pulledBlob.naming("old/a/blobs/\(Self.digest)") }
  private var second: GatewayFault.Target { .pulledBlob.naming("old/b/blobs/\(Self.digest)") }

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
    gateway = FaultGateway(before: registry.host)
    for (number, name) in ["old/a", "old/b"].enumerated() {
      try registry.storage.add(layers: [Self.layer, [UInt8(number)]], to: name, tag: "1")
    }
  }

  /// What a first repository may do in the middle of a layer, before the second is asked.
  private static let ends: [(cut: GatewayFault.Effect?, then: GatewayFault.Effect)] = [
    (.cutAnswer(after: 8_500_000), gone),
    (.resetAnswer(after: 8_500_000), .answer(403, body: #"{"errors":[{"code":"DENIED"}]}"#)),
    (.cutAnswer(after: 8_500_000), .answer(410)),
    (.cutAnswer(after: 8_500_000), .answer(401)),
    (.cutAnswer(after: 8_500_000), .answer(500)),
    (.cutAnswer(after: 8_500_000), .cutAnswer(after: 0)),
    (nil, .corruptAnswer(at: 8_000_000)),
    (nil, .truncateAnswer(to: 1_000)),
    (nil, .answer(200, body: "<html></html>")),
    (nil, .answer(404, body: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)),
    (.cutAnswer(after: 8_500_000), .misdeclareRange(by: 7)),
    (.cutAnswer(after: 8_500_000), .misplaceRange(by: 7)),
  ]

  private func breakFirst(_ end: Int) {
    let (cut, then) = Self.ends[end]
    if let cut { gateway.add(GatewayFault(cut, on: first)) }
    gateway.add(.always(then, on: first))
  }

  private var arguments: [String] { ["export", "--plain-http", "--retries", "1"] }

  private func prove(_ archive: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try ferry.run(["verify", archive], exits: 0, sourceLocation: sourceLocation)
  }

  @Test(arguments: ends.indices) func `comes whole from the second when the first fails`(end: Int) throws {
    breakFirst(end)
    try ferry.run(arguments + ["-o", "a.tar", "--checksum"] + images, exits: 0)
    try prove("a.tar")
    let sums = try String(contentsOfFile: ferry.file("a.tar.sha256"), encoding: .utf8)
    #expect(try sums.hasPrefix(Command.run("sha256sum", [ferry.file("a.tar")]).prefix(64)))
  }

  @Test func `goes on behind what the first gave`() throws {
    breakFirst(0)
    try ferry.run(arguments + ["-o", "a.tar"] + images, exits: 0)
    let moved = gateway.exchanges.filter { $0.path.contains(Self.digest) }.reduce(0) { $0 + $1.sent }
    #expect(moved < Self.layer.count + 10_000)
  }

  @Test(arguments: ends.indices) func `comes whole from the second after a run that broke off`(end: Int)
    throws
  {
    gateway.add(GatewayFault(.cutAnswer(after: 8_500_000), on: first))
    gateway.add(.always(.answer(500), on: .pulledBlob.naming(Self.digest)))
    try ferry.run(arguments + ["--retries", "0", "-o", "a.tar"] + images, exits: 13)
    gateway.clearFaults()
    breakFirst(end)
    try ferry.run(arguments + ["-o", "a.tar"] + images, exits: 0)
    try prove("a.tar")
  }

  @Test(arguments: ends.indices) func `comes whole in a stream, or the stream fails`(end: Int) throws {
    breakFirst(end)
    let command = ferry.command(arguments + ["-o", "-"] + images)
    let result = try command.run()
    try Data(result.output).write(to: URL(fileURLWithPath: ferry.file("a.tar")))
    if result.status == 0 {
      try prove("a.tar")
    } else {
      // A wrong byte that is out cannot be taken back.
      #expect([6, 11].contains(end), "\(result.standardError)")
      #expect(result.status == 14)
    }
  }

  @Test(arguments: ends.indices) func `comes whole into volumes, all or one`(end: Int) throws {
    breakFirst(end)
    let cut = ["-o", "a.tar", "--volume-size", "4MB"]
    try ferry.run(arguments + cut + images, exits: 0)
    try prove("a.tar.001")
    try FileManager.default.removeItem(atPath: ferry.file("a.tar.002"))
    gateway.clearFaults()
    breakFirst(end)
    try ferry.run(arguments + cut + ["--only-volume", "2"] + images, exits: 0)
    try prove("a.tar.001")
  }

  @Test func `comes into one archive from an image of another`() throws {
    breakFirst(1)
    try ferry.run(arguments + ["-o", "out/"] + images, exits: 0)
    try prove("out/old_a__1.tar")
    try prove("out/old_b__1.tar")
  }

  @Test func `is missing when nobody has it, and the first word that says why is said`() throws {
    gateway.add(.always(.answer(403, body: #"{"errors":[{"code":"DENIED"}]}"#), on: first))
    gateway.add(.always(Self.gone, on: second))
    try ferry.run(arguments + ["-o", "a.tar"] + images, exits: 11).complains("old/a")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
  }
}
