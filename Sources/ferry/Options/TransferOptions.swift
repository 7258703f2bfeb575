import ArgumentParser
import Transfers

/// Which part of the work is done, and what one failure means.
struct TransferOptions: ParsableArguments {
  @Flag(help: "One image's failure does not stop the others; the exit status is then 3.")
  var keepGoing = false

  @Option(
    help: ArgumentHelp(
      "Take the I-th of N deterministic parts of the images, for processes that share the work.",
      valueName: "I/N"),
    transform: { text in
      guard let shard = Shard(text) else {
        throw ValidationError("'\(text)' is not of the form I/N with 1 ≤ I ≤ N.")
      }
      return shard
    })
  var shard: Shard?

  @Flag(help: "Resolve and check everything, print the plan, move no blob.")
  var dryRun = false
}

/// How much is done at once.
struct JobsOption: ParsableArguments {
  @Option(help: ArgumentHelp("How many transfers, requests or readers run at once.", valueName: "N"))
  var jobs = 4

  func validate() throws {
    guard (1...64).contains(jobs) else { throw ValidationError("--jobs takes a number from 1 to 64.") }
  }
}
