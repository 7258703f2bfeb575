import ArgumentParser

/// How much is done at once.
struct JobsOption: ParsableArguments {
  @Option(help: ArgumentHelp("How many transfers, requests or readers run at once.", valueName: "N"))
  var jobs = 4

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64.") }
  }
}
