import Foundation
import TestSupport
import Testing

/// containerd runs containers as root alone.
@Suite(.waiting, .enabled(if: geteuid() == 0)) struct `A converted image` {
  private let directory = TemporaryDirectory()
  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let containerd: ChildProcess

  init() throws {
    ferry = try FerryProcess()
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    old = try RegistryProcess(options)
    try Self.image(in: directory).push(to: old, "team/old", tag: "1")
    // Nothing of it is the machine's own; what it disables asks for kernel modules or a cluster.
    let disabled = [
      "cri", "snapshotter.v1.btrfs", "snapshotter.v1.devmapper", "snapshotter.v1.zfs", "snapshotter.v1.aufs",
    ]
    .map { $0 == "cri" ? "\"io.containerd.grpc.v1.cri\"" : "\"io.containerd.\($0)\"" }
    let configuration = """
      version = 2
      root = "\(directory.file("root"))"
      state = "\(directory.file("state"))"
      disabled_plugins = [\(disabled.joined(separator: ", "))]
      [grpc]
        address = "\(directory.file("s"))"
      [ttrpc]
        address = "\(directory.file("t"))"
      """
    try configuration.write(toFile: directory.file("c.toml"), atomically: true, encoding: .utf8)
    let process = try Command("containerd", ["-c", directory.file("c.toml")]).start()
    guard process.waitForError(within: .seconds(120), { $0.contains("successfully booted") }) else {
      throw TestFailure("containerd did not start: \(process.standardError)")
    }
    containerd = process
  }

  /// Debian's static busybox, of which a second layer takes files away, and entries without layers that say how it runs.
  private static func image(in directory: TemporaryDirectory) throws -> Schema1Image {
    let tree = directory.file("tree")
    try Command.run("mkdir", ["-p", "\(tree)/bin", "\(tree)/etc", "\(tree)/dir", "\(tree)/work"])
    try Command.run("cp", ["/bin/busybox", "\(tree)/bin/busybox"])
    for name in ["sh", "id", "ls", "cat", "echo"] {
      try Command.run("ln", ["-s", "busybox", "\(tree)/bin/\(name)"])
    }
    for (name, text) in [
      ("etc/passwd", "root:x:0:0:::\napp:x:1234:1234::/work:/bin/sh\n"), ("etc/group", "app:x:1234:\n"),
      ("gone", "x"), ("dir/old", "x"),
    ] { try Data(text.utf8).write(to: URL(fileURLWithPath: "\(tree)/\(name)")) }
    let base = try Schema1Image.packed(tree)
    let top = try Schema1Image.layer([(".wh.gone", ""), ("dir/.wh..wh..opq", ""), ("dir/new", "fresh\n")])
    return try Schema1Image([
      .init(base, #"{"created":"2016-01-01T00:00:00Z"}"#),
      .init(nil, ##"{"created":"2016-01-01T00:00:01Z","container_config":{"Cmd":["#(nop) ENV"]}}"##),
      .init(top, #"{"created":"2016-01-01T00:00:02Z"}"#),
      .init(
        nil,
        """
        {"created":"2016-01-01T00:00:03Z","architecture":"amd64","os":"linux","docker_version":"1.10.3",\
        "config":{"User":"app","WorkingDir":"/work","Env":["PATH=/bin","GREETING=hello <you>"],\
        "Entrypoint":["/bin/sh","-c"],\
        "Cmd":["id -u; pwd; echo $GREETING; ls /dir; cat /dir/new; test -e /gone && echo there || echo gone"]}}
        """),
    ])
  }

  private func ctr(_ arguments: String...) throws -> String {
    try Command.run("ctr", ["-a", directory.file("s")] + arguments)
  }

  @Test
  func `runs in containerd, from the archive that export made and from the registry that import filled`()
    throws
  {
    let said = "1234\n/work\nhello <you>\nnew\nfresh\ngone\n"
    let name = old.reference("team/old:1")
    try ferry.export([name], to: "a.tar", "--convert-schema1")
    _ = try ctr("images", "import", "--snapshotter", "native", ferry.file("a.tar"))
    #expect(try ctr("run", "--rm", "--snapshotter", "native", name, "first") == said)

    try ferry.export([name], to: "raw.tar")
    let new = try RegistryProcess()
    try ferry.run(
      ["import", "raw.tar", "--to", "\(new.host)/new", "--plain-http", "--convert-schema1"], exits: 0)
    let pulled = new.reference("new/old:1")
    _ = try ctr("images", "pull", "--plain-http", "--snapshotter", "native", pulled)
    #expect(try ctr("run", "--rm", "--snapshotter", "native", pulled, "second") == said)
    containerd.terminate()
  }

  @Test func `is loaded by podman, with docker's config`() throws {
    let name = old.reference("team/old:1")
    try ferry.export([name], to: "a.tar", "--convert-schema1")
    let store = [
      "--root", directory.file("store"), "--runroot", directory.file("run"), "--tmpdir",
      directory.file("tmp"),
      "--storage-driver", "vfs",
    ]
    try Command.run("podman", store + ["load", "-q", "-i", ferry.file("a.tar")])
    let shown = try Command.run("podman", store + ["image", "inspect", "--format", "{{json .Config}}", name])
    let config = try #require(JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any])
    #expect(config["User"] as? String == "app" && config["WorkingDir"] as? String == "/work")
    #expect(config["Entrypoint"] as? [String] == ["/bin/sh", "-c"])
    let history = try Command.run("podman", store + ["history", "-q", name])
    #expect(history.split(separator: "\n").count == 4)
  }
}
