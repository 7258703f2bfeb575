import ArgumentParser
import Glibc

/// What is printed, and where.
struct OutputOptions: ParsableArguments {
  enum Progress: String, ExpressibleByArgument, CaseIterable {
    case auto, plain, none
  }

  @Flag(help: "Print one JSON report on standard output instead of text.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "What standard error shows of running transfers: live bars on a terminal (auto), a line now and then "
        + "(plain), or nothing (none).", valueName: "auto|plain|none"))
  var progress = Progress.auto

  @Flag(name: .shortAndLong, help: "Print nothing but results and errors.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print every request; no secret is ever among it.")
  var verbose = false

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other.") }
  }

  /// The console these options ask for.
  func console() -> Console {
    let style: Console.Style
    switch progress {
    case _ where quiet: style = .none
    case .none: style = .none
    case .plain: style = .plain
    case .auto: style = isatty(2) == 1 && !verbose ? .bars : .plain
    }
    return Console(style: style, isQuiet: quiet, isVerbose: verbose)
  }
}

/// Where what a command did is written to, besides what it prints.
struct ReportOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also write the report to this file: as a page to read where its name ends in .html, else as JSON.",
      valueName: "file"), completion: .file())
  var report: String?
}
