import Foundation

/// The built `ferry`, run as a user would, in an empty home and with no variables but those given.
public struct FerryProcess: Sendable {
  /// The home directory, empty at first.
  public let home: TemporaryDirectory
  /// Variables of every run, such as `FERRY_EXPORT_USERNAME`.
  public var environment: [String: String]
  /// The program: by default the one that `FERRY_RELEASE_BINARY` names, else the one built along with the tests.
  public var executable: String

  public init(environment: [String: String] = [:], executable: String? = nil) throws {
    home = TemporaryDirectory()
    self.environment = environment
    self.executable = try executable ?? Self.built.get()
  }

  /// `./fixtures/test` has built what users get before it runs the tests: that is what they try, and it takes less time.
  private static let built = Result {
    if let release = ProcessInfo.processInfo.environment["FERRY_RELEASE_BINARY"], !release.isEmpty {
      guard access(release, X_OK) == 0 else {
        throw TestFailure("FERRY_RELEASE_BINARY names no program: \(release)")
      }
      return release
    }
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("ferry").path
    guard access(path, X_OK) == 0 else { throw TestFailure("\(path) is not built: run swift build") }
    return path
  }

  /// What a run of ferry would be, for those who want to change it before they start it.
  public func command(_ arguments: [String], input: String = "", terminal: Bool = false) -> Command {
    var command = Command(
      executable, arguments, environment: ["HOME": home.path].merging(environment) { $1 })
    command.input = Array(input.utf8)
    command.directory = home.path
    command.errorIsTerminal = terminal
    return command
  }

  /// Runs ferry to its end, in its home directory. With `terminal`, standard error is one.
  public func run(_ arguments: String..., input: String = "", terminal: Bool = false) throws -> CommandResult
  {
    try command(arguments, input: input, terminal: terminal).run()
  }

  /// Starts ferry, to be watched and interrupted.
  public func start(_ arguments: String..., input: String = "", terminal: Bool = false) throws -> ChildProcess
  {
    try command(arguments, input: input, terminal: terminal).start()
  }

  /// A file in the home directory.
  public func file(_ name: String) -> String { "\(home.path)/\(name)" }

  /// Writes a file in the home directory and returns its path. Only its owner may read it.
  @discardableResult
  public func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    chmod(file(name), 0o600)
    return file(name)
  }
}
