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
