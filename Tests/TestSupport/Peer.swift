import Foundation

/// Another program, run to its end; it dies with the tests.
public enum Peer {
  public struct Failure: Error, CustomStringConvertible {
    let command: [String]
    let status: Int32
    let errors: String

    public init(command: [String], status: Int32, errors: String) {
      (self.command, self.status, self.errors) = (command, status, errors)
    }

    public var description: String { "\(command.joined(separator: " ")): exit \(status)\n\(errors)" }
  }

  @discardableResult
  public static func run(_ command: String..., input: [UInt8] = [], in directory: String? = nil) throws
    -> [UInt8]
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["setpriv", "--pdeathsig", "KILL", "--"] + command
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    // Files, not pipes: nobody has to read one while writing the other.
    let scratch = try ScratchDirectory()
    try scratch.write(input, to: "in")
    try scratch.write([], to: "out")
    try scratch.write([], to: "errors")
    process.standardInput = FileHandle(forReadingAtPath: scratch("in"))
    process.standardOutput = FileHandle(forWritingAtPath: scratch("out"))
    process.standardError = FileHandle(forWritingAtPath: scratch("errors"))
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let errors = String(decoding: try scratch.read("errors"), as: UTF8.self)
      throw Failure(command: command, status: process.terminationStatus, errors: errors)
    }
    return try scratch.read("out")
  }

  public static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
