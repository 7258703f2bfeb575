import ArgumentParser

/// Where what a command did is written to, besides what it prints.
struct ReportOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Also write the report to this file: as a page to read where its name ends in .html, else as JSON.",
      valueName: "file"), completion: .file())
  var report: String?
}
