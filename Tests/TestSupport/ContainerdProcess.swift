import Foundation

/// Debian's containerd, with everything that it keeps in a directory of its own and without the parts that Kubernetes needs.
/// It wants to run as root. It is gone when the last reference to it is.
public final class ContainerdProcess: Sendable {
  private let process: ChildProcess
  private let directory: TemporaryDirectory
  private var socket: String { directory.file("socket") }

  public init() throws {
    let directory = TemporaryDirectory()
    // What needs devices, other file systems or the machine's own directories.
    let disabled = [
      "grpc.v1.cri", "internal.v1.opt", "snapshotter.v1.aufs", "snapshotter.v1.btrfs",
      "snapshotter.v1.devmapper",
      "snapshotter.v1.overlayfs", "snapshotter.v1.zfs",
    ]
    directory.write(
      """
      version = 2
      root = "\(directory.file("root"))"
      state = "\(directory.file("state"))"
      disabled_plugins = [\(disabled.map { "\"io.containerd.\($0)\"" }.joined(separator: ", "))]
      [grpc]
      address = "\(directory.file("socket"))"
      [ttrpc]
      address = "\(directory.file("ttrpc"))"
      """, to: "config.toml")
    process = try Command("containerd", ["--config", directory.file("config.toml")]).start()
    self.directory = directory
    guard process.waitForError({ $0.contains("successfully booted") }) else {
      throw TestFailure("containerd did not start: \(process.standardError)")
    }
  }

  deinit { process.terminate() }

  /// Pulls the image `name` and unpacks it, through the mirrors that the `hosts.toml` below `hosts` name.
  public func pull(_ name: String, hosts: String) throws -> CommandResult {
    try ctr("images", "pull", "--snapshotter", "native", "--hosts-dir", hosts, name)
  }

  /// Imports the images of an archive, with every platform, and unpacks that of this machine.
  public func load(_ archive: String) throws -> CommandResult {
    try ctr("images", "import", "--all-platforms", "--snapshotter", "native", archive)
  }

  /// Writes an archive of images that it has.
  public func export(
    _ names: [String], to archive: String, _ options: [String] = []
  ) throws -> CommandResult {
    try ctr(["images", "export"] + options + [archive] + names)
  }

  /// The digests of the images that it has, by their names.
  public func images() throws -> [String: String] {
    let lines = try ctr("images", "ls").standardOutput.split(separator: "\n").dropFirst()
    return Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let columns = line.split(separator: " ")
        return (String(columns[0]), String(columns[2]))
      })
  }

  /// What it says of each image, a line each: whether all its content is there, and unpacked.
  public func check() throws -> [String] {
    let said = try ctr("images", "check", "--snapshotter", "native")
    guard said.status == 0 else { throw TestFailure("ctr images check: \(said.standardError)") }
    return said.standardOutput.split(separator: "\n").dropFirst().map(String.init)
  }

  /// Runs a program in a container of the image `name`, and waits for its end.
  public func run(_ name: String, _ program: String...) throws -> CommandResult {
    try ctr(["run", "--rm", "--snapshotter", "native", name, "test"] + program)
  }

  private func ctr(_ arguments: String...) throws -> CommandResult { try ctr(arguments) }

  private func ctr(_ arguments: [String]) throws -> CommandResult {
    try Command("ctr", ["--address", socket] + arguments).run()
  }
}
