import Foundation
import TestSupport

/// What a traced program wrote to files and brought to the disk, as strace tells: of all that it had not brought
/// there, a power cut may take anything.
struct TracedWrites {
  private struct Call {
    let name: Substring
    let path: String
    /// Of a write.
    var range = 0..<0
    let start: Double
    /// nil: it was still at work at the end.
    let end: Double?
  }

  private let calls: [Call]

  /// The arguments that make strace run `command` and write down what this reads, to files in `directory`.
  static func arguments(_ directory: String, _ command: [String]) -> [String] {
    [
      "-ff", "-ttt", "-T", "-y", "-s", "0", "-qqq", "--seccomp-bpf", "-o", directory + "/trace", "-e",
      "trace=pwrite64,fdatasync,fsync",
    ] + command
  }

  /// Reads strace's files in `directory`, one for each thread.
  init(_ directory: String) throws {
    calls = try FileManager.default.contentsOfDirectory(atPath: directory).flatMap { name in
      try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8).split(separator: "\n")
        .compactMap(Self.call)
    }
  }

  /// Such as `1795467628.003 pwrite64(13</a.tar.partial>, ""..., 262144, 4540) = 262144 <0.000071>`.
  private static func call(_ line: Substring) -> Call? {
    let form = /([0-9.]+) (\w+)\(\d+<([^>]*)>(?:, ""(?:\.\.\.)?, (\d+), (\d+))?.*?(?:= (\d+) <([0-9.]+)>)?/
    guard let match = line.wholeMatch(of: form), let start = Double(match.1) else { return nil }
    let count = match.4.flatMap { Int($0) } ?? 0
    let offset = match.5.flatMap { Int($0) } ?? 0
    return Call(
      name: match.2, path: String(match.3), range: offset..<offset + count, start: start,
      end: match.7.flatMap { Double($0) }.map { start + $0 })
  }

  private func writes(to path: String) -> [Call] { calls.filter { $0.name == "pwrite64" && $0.path == path } }

  /// When the last sync of a file that came to its end began.
  private func lastSync(of path: String) -> Double? {
    calls.filter { $0.name != "pwrite64" && $0.path == path && $0.end != nil }.map(\.start).max()
  }

  /// Bytes written to a file.
  func written(to path: String) -> Int {
    writes(to: path).filter { $0.end != nil }.reduce(0) { $0 + $1.range.count }
  }

  /// What of a file is not certain to be on the disk.
  func unsettled(of path: String) -> [Range<Int>] {
    let sync = lastSync(of: path) ?? 0
    return writes(to: path).filter { $0.end ?? .infinity > sync }.map(\.range)
  }

  /// Up to where a file that only grows is on the disk for certain.
  func settledEnd(of path: String) -> Int {
    let sync = lastSync(of: path) ?? 0
    return writes(to: path).filter { $0.end ?? .infinity <= sync }.map(\.range.upperBound).max() ?? 0
  }
}
