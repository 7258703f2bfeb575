import TestSupport

/// A tmpfs `disk` of its own, seen by one command alone.
struct SmallDisk {
  let size: String
  var isReadOnly = false

  static let isAvailable =
    (try? Command("unshare", ["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]).run().status) == 0

  /// Runs a command in a directory where `disk` is; `then` is run by a shell after it, whatever its status.
  func run(_ arguments: [String], then after: String = "true") throws -> CommandResult {
    let directory = TemporaryDirectory()
    let script = """
      mkdir disk && mount -t tmpfs -o size=\(size) none disk
      \(isReadOnly ? "mount -o remount,ro disk" : "")
      "$@"; status=$?; \(after); exit $status
      """
    var command = Command("unshare", ["-Urm", "sh", "-c", script, "sh"] + arguments)
    command.directory = directory.path
    return try withExtendedLifetime(directory) { try command.run() }
  }
}
