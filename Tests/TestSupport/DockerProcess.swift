import Foundation

/// Debian's docker daemon, with everything that it keeps in a directory of its own, and without networks. It wants to run as
/// root. It is gone when the last reference to it is, and its containerd with it.
public final class DockerProcess: Sendable {
  private let process: ChildProcess
  private let directory: TemporaryDirectory

  public init() throws {
    let directory = TemporaryDirectory()
    directory.write("{}", to: "daemon.json")
    let arguments = [
      "--data-root", directory.file("root"), "--exec-root", directory.file("run"), "--host",
      "unix://\(directory.file("s"))", "--pidfile", directory.file("pid"), "--config-file",
      directory.file("daemon.json"), "--storage-driver", "vfs", "--bridge", "none", "--iptables=false",
      "--ip6tables=false",
    ]
    process = try Command("dockerd", arguments).start()
    self.directory = directory
    guard process.waitForError(within: .seconds(120), { $0.contains("API listen on") }) else {
      throw TestFailure("dockerd did not start: \(process.standardError)")
    }
  }

  deinit { process.terminate() }

  /// Runs `docker` on it.
  public func docker(_ arguments: String...) throws -> CommandResult { try docker(arguments) }

  public func docker(_ arguments: [String]) throws -> CommandResult {
    var command = Command("docker", ["--host", "unix://\(directory.file("s"))"] + arguments)
    command.environment["DOCKER_CONFIG"] = directory.file("config")
    return try command.run()
  }
}
