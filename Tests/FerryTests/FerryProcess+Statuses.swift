import TestSupport
import Testing

extension FerryProcess {
  /// Runs ferry and holds its exit status against `status`.
  @discardableResult
  func run(
    _ arguments: [String], exits status: Int32, input: String = "", terminal: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    let result = try command(arguments, input: input, terminal: terminal).run()
    #expect(
      result.status == status, "ferry \(arguments.joined(separator: " ")): \(result.standardError)",
      sourceLocation: sourceLocation)
    return result
  }

  /// Exports `images` of a registry on plain HTTP to `archive`, which has to succeed.
  @discardableResult
  func export(
    _ images: [String], to archive: String, _ options: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try run(
      ["export", "--plain-http", "-o", archive] + options + images, exits: 0,
      sourceLocation: sourceLocation)
  }
}

extension CommandResult {
  /// The lines of standard output.
  var lines: [String] { standardOutput.split(separator: "\n").map(String.init) }

  /// Fails unless standard error holds every one of `words`.
  func complains(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    for word in words {
      #expect(standardError.contains(word), sourceLocation: sourceLocation)
    }
  }
}
