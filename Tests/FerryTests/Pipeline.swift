import Foundation
import TestSupport

/// ferry in a shell's pipeline, as a user would type it.
struct Pipeline {
  let ferry: FerryProcess

  /// Runs `script` in ferry's home, with `$ferry` for the program and `$1`, `$2`… for `arguments`. The status is the
  /// last one's that was not 0.
  func run(
    _ script: String, _ arguments: [String] = [], within limit: Duration = .seconds(300)
  ) throws -> CommandResult {
    var command = ferry.command([])
    command.environment["ferry"] = command.program
    command.program = "bash"
    command.arguments = ["-o", "pipefail", "-c", script, "pipeline"] + arguments
    return try command.run(within: limit)
  }
}
