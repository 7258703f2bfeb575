import Foundation

/// A program with its arguments, run in an environment that holds nothing but what is given here.
///
/// Calls block: tests run as many at a time as there are processors.
public struct Command: Sendable {
  public var program: String
  public var arguments: [String]
  /// All the program's variables but `PATH`, `HOME` and `LC_ALL`, which have values where none are given.
  public var environment: [String: String]
  /// What the program reads from its standard input.
  public var input: [UInt8] = []
  public var directory: String?
  /// Whether standard error is a terminal (of 100 columns).
  public var errorIsTerminal = false

  /// `program` is a path, or a name found in the usual directories.
  public init(_ program: String, _ arguments: [String] = [], environment: [String: String] = [:]) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
  }

  /// Runs `program` and returns its standard output; throws ``TestFailure`` unless it exits with 0.
  @discardableResult
  public static func run(
    _ program: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> String {
    let result = try Self(program, arguments, environment: environment).run()
    guard result.status == 0 else {
      throw TestFailure(
        "\(program) \(arguments.joined(separator: " ")): \(result.end): \(result.standardError)")
    }
    return result.standardOutput
  }

  /// Starts the program.
  public func start() throws -> ChildProcess { try ChildProcess(self) }

  /// Runs the program to its end. Kills it and throws ``TestFailure`` after `limit`.
  public func run(within limit: Duration = .seconds(300)) throws -> CommandResult {
    let process = try start()
    guard let result = process.waitForEnd(within: limit) else {
      process.kill()
      throw TestFailure(
        "\(program) \(arguments.joined(separator: " ")) did not end within \(limit): "
          + process.standardError)
    }
    return result
  }

  /// Where the program `name` is. Debian keeps servers in `/usr/sbin`, which not every `PATH` names.
  static func path(of name: String) throws -> String {
    let candidates = name.contains("/") ? [name] : directories.map { "\($0)/\(name)" }
    guard let path = candidates.first(where: { access($0, X_OK) == 0 }) else {
      throw TestFailure("\(name) is not installed: ./fixtures/test installs what the tests need")
    }
    return path
  }

  private static let directories =
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    + ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]

  var variables: [String] {
    let defaults = [
      "PATH": Self.directories.joined(separator: ":"), "HOME": NSTemporaryDirectory(), "LC_ALL": "C.UTF-8",
    ]
    return defaults.merging(environment) { $1 }.map { "\($0)=\($1)" }
  }
}

/// What a program wrote and how it ended.
public struct CommandResult: Sendable {
  public let end: ProcessEnd
  public let output: [UInt8]
  public let error: [UInt8]

  /// The exit status; as shells have it, 128 and the signal's number for a program that was killed.
  public var status: Int32 {
    switch end {
    case .exited(let status): status
    case .signalled(let signal): 128 + signal
    }
  }

  public var standardOutput: String { String(decoding: output, as: UTF8.self) }
  public var standardError: String { String(decoding: error, as: UTF8.self) }
}
