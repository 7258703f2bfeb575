import Foundation
import TestSupport
import Testing

/// A layer whose download breaks off, and what may come then: each ends with the archive that an undisturbed export
/// writes, or with a named error and no archive.
@Suite(.waiting) struct `A layer that breaks off` {
  enum Output: String, CaseIterable {
    case file, volumes, someVolume, stream
  }

  /// What the repository does that broke off.
  enum Then: String, CaseIterable {
    case notFound, gone, denied, refused, busy, wrong, ignoresRanges, misdeclaresRanges, misplacesRanges

    var effect: GatewayFault.Effect {
      switch self {
      case .notFound: .answer(404, body: #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#)
      case .gone: .answer(410)
      case .denied: .answer(403, body: #"{"errors":[{"code":"DENIED"}]}"#)
      case .refused: .answer(401)
      case .busy: .answer(500)
      case .wrong: .corruptAnswer(at: 0)
      case .ignoresRanges: .ignoreRange
      case .misdeclaresRanges: .misdeclareRange(by: 7)
      case .misplacesRanges: .misplaceRange(by: 7)
      }
    }

    /// Whether the layer can be had from it all the same.
    var isHarmless: Bool { [.ignoresRanges, .misdeclaresRanges, .misplacesRanges].contains(self) }

    var statuses: [Int32] {
      switch self {
      case .notFound: [12]
      case .denied: [11]
      case .refused: [10]
      case .busy, .gone: [13]
      default: [14]
      }
    }
  }

  private static let layer: [UInt8] = {
    var random = SeededGenerator(seed: 11)
    return random.bytes(700_000)
  }()
  private static let digest = BlobDigest.of(layer)

  private let ferry: FerryProcess
  private let registry: RegistryProcess
  private let gateway: FaultGateway
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

  /// Exports to `name`, or to standard output.
  private func export(_ output: Output, retries: Int = 1) throws -> CommandResult {
    var arguments = ["export", "--plain-http", "--retries", "\(retries)"]
    arguments += ["old/a:1", "old/b:1"].map(gateway.reference)
    switch output {
    case .file: arguments += ["-o", "a.tar"]
    case .volumes: arguments += ["-o", "a.tar", "--volume-size", "300000"]
    case .someVolume: arguments += ["-o", "a.tar", "--volume-size", "300000", "--only-volume", "2"]
    case .stream: arguments += ["-o", "-"]
    }
    return try ferry.command(arguments).run()
  }

  /// What an export left under final names.
  private func archive(_ output: Output, _ result: CommandResult) throws -> [UInt8] {
    if output == .stream { return result.output }
    let names = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).sorted()
    let finals = names.filter { $0.hasPrefix("a.tar") && !$0.contains(".partial") }
    return try finals.flatMap { try [UInt8](Data(contentsOf: URL(fileURLWithPath: ferry.file($0)))) }
  }

  private func clear() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
    where name.hasPrefix("a.tar") {
      try FileManager.default.removeItem(atPath: ferry.file(name))
    }
  }

  /// The archive that comes when nothing is in the way, once it is proved.
  private func undisturbed(_ output: Output) throws -> [UInt8] {
    gateway.clearFaults()
    let whole = try export(output == .someVolume ? .volumes : output)
    #expect(whole.status == 0)
    let bytes = try archive(output, whole)
    try Data(bytes).write(to: URL(fileURLWithPath: ferry.file("whole.tar")))
    try ferry.run(["verify", "whole.tar"], exits: 0)
    try clear()
    guard output == .someVolume else { return bytes }
    let volume = try export(output)
    #expect(volume.status == 0)
    defer { try? clear() }
    return try archive(output, volume)
  }

  private func judge(
    _ output: Output, _ result: CommandResult, expected: [UInt8], mayFail statuses: [Int32], _ what: String
  ) throws {
    if result.status == 0 {
      #expect(try archive(output, result) == expected, "\(what)")
    } else {
      #expect(statuses.contains(result.status), "\(what): \(result.status) \(result.standardError)")
      #expect(result.standardError.contains(Self.digest), "\(what): \(result.standardError)")
      if output != .stream { #expect(try archive(output, result).isEmpty, "\(what)") }
    }
  }

  @Test(arguments: Output.allCases, Then.allCases)
  func `comes from another repository, or is named`(_ output: Output, _ then: Then) throws {
    let expected = try undisturbed(output)
    for cut in [0, 350_000, Self.layer.count - 1] {
      // Only what has a place to continue in knows an earlier run.
      for isResumed in [.file, .volumes].contains(output) ? [false, true] : [false] {
        for isElsewhere in [false, true] {
          gateway.clearFaults()
          if isResumed {
            gateway.add(GatewayFault(.cutAnswer(after: cut), on: first))
            gateway.add(.always(.answer(500), on: .pulledBlob.naming(Self.digest)))
            #expect(try export(output, retries: 0).status == 13)
            gateway.clearFaults()
          } else {
            gateway.add(GatewayFault(.cutAnswer(after: cut), on: first))
          }
          gateway.add(.always(then.effect, on: first))
          if !isElsewhere { gateway.add(.always(then.effect, on: second)) }
          let what = "cut at \(cut), resumed \(isResumed), elsewhere \(isElsewhere)"
          let result = try export(output)
          // A wrong byte that is out cannot be taken back.
          let isSpoilt = output == .stream && [.wrong, .misplacesRanges].contains(then)
          if isElsewhere || then.isHarmless, !isSpoilt {
            #expect(result.status == 0, "\(what): \(result.standardError)")
          }
          try judge(output, result, expected: expected, mayFail: then.statuses, what)
          try clear()
        }
      }
    }
  }

  /// Runs one after the other, each with faults of its own at either repository, until one is whole.
  @Test(arguments: 0..<6) func `comes whole or is named, whatever happens in whatever order`(seed: Int)
    throws
  {
    var random = SeededGenerator(seed: UInt64(seed))
    for output in Output.allCases {
      let expected = try undisturbed(output)
      for run in 0..<5 {
        gateway.clearFaults()
        for target in [first, second] where run < 4 {
          for _ in 0..<Int.random(in: 0...2, using: &random) {
            let cut = Int.random(in: 0...Self.layer.count, using: &random)
            gateway.add(GatewayFault(.cutAnswer(after: cut), on: target))
          }
          guard Bool.random(using: &random), let then = Then.allCases.randomElement(using: &random) else {
            continue
          }
          gateway.add(.always(then.effect, on: target))
        }
        let result = try export(output)
        try judge(
          output, result, expected: expected, mayFail: Then.allCases.flatMap(\.statuses),
          "\(output), run \(run) of seed \(seed)")
        if run == 4 { #expect(result.status == 0, "\(output) of seed \(seed)") }
        if result.status == 0 { break }
      }
      try clear()
    }
  }
}
