import Archives
import ArgumentParser

/// What is done with an archive that cannot be read in place.
struct SpoolOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Copy an archive that comes through a pipe or is compressed into this directory first: whatever its "
        + "order, it can then be read. The copy has no name, and its space is free again when ferry ends.",
      valueName: "dir"),
    completion: .directory)
  var spool: String?
}

/// Standard input, which only one may read.
enum StandardInput {
  /// Throws a usage error when more than one of `archives` and the `options` in use want it.
  static func validate(archives: [String], options: [(name: String, isUsed: Bool)] = []) throws {
    let readers =
      archives.filter { $0 == PassingContent.standardInput }.map { "the archive \($0)" }
      + options.filter(\.isUsed).map(\.name)
    guard readers.count > 1 else { return }
    throw ValidationError("\(readers[0]) and \(readers[1]) both want standard input.")
  }
}
