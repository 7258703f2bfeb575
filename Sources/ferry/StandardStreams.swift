import ArgumentParser
import Glibc
import Layouts

/// The three streams that a process is given.
enum StandardStreams {
  /// Takes the places of those that it was not given (`<&-`), as the C library does for programs with privileges:
  /// else the next file that is opened would be read, or written to, as one of them.
  static func occupy() {
    // The other way round than they are used, so that using them fails.
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
    ]
    where fcntl(descriptor, F_GETFD) < 0 {
      _ = unsafe open("/dev/null", mode)
    }
  }
}

/// Standard input, which only one may read.
enum StandardInput {
  /// How it is written as an archive's path.
  static let name = "-"
  /// What an archive comes through that is named so.
  static let streams = [
    name: ArchiveInput.Stream(descriptor: STDIN_FILENO, name: "standard input")
  ]

  /// Throws a usage error when more than one of `archives` and the `options` in use want it, or an archive is to be
  /// typed.
  static func validate(archives: [String], options: [(name: String, isUsed: Bool)] = []) throws {
    let readers =
      archives.filter { $0 == name }.map { "the archive \($0)" }
      + options.filter(\.isUsed).map(\.name)
    guard !archives.contains("") else { throw ValidationError("An archive is named by its path, not by ''.") }
    guard readers.count < 2 else {
      throw ValidationError("\(readers[0]) and \(readers[1]) both want standard input.")
    }
    if archives.contains(name), isatty(STDIN_FILENO) == 1 {
      throw ValidationError("Standard input is a terminal: pipe the archive into it.")
    }
  }
}
