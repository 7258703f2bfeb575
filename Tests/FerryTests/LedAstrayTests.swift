import Foundation
import TestSupport
import Testing

/// Where a registry leads Ferry by names, which mean what a name server says.
@Suite(.waiting) struct `A name that a registry leads to` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Runs Ferry with a table of names of its own, which takes a mount namespace.
  private func export(from registry: String, names: String, _ more: [String] = []) throws -> CommandResult {
    let hosts = ferry.file("hosts")
    try "127.0.0.1 localhost\n\(names)\n".write(toFile: hosts, atomically: true, encoding: .utf8)
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\""
    let asRoot = getuid() == 0 ? ["-m"] : ["-r", "-m"]
    var command = Command(
      "unshare",
      asRoot + [
        "sh", "-c", script, hosts, ferry.executable, "export", "\(registry)/team/app:1", "-o", "a.tar",
      ]
        + ["--plain-http", "--retries", "0"] + more, environment: ["HOME": ferry.home.path])
    command.directory = ferry.home.path
    return try command.run()
  }

  @Test(arguments: [
    ("169.254.169.254", "the local link"), ("fd00:ec2::254", "metadata"), ("100.100.100.200", "metadata"),
    ("64:ff9b::a9fe:a9fe", "the local link"), ("::ffff:169.254.169.254", "the local link"),
    ("224.0.0.1", "no host's address"), ("0.0.0.0", "no host's address"), ("192.0.0.9", "no host's address"),
  ])
  func `is not gone to where there is never a registry's anything`(address: String, words: String) throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(307, headers: [("Location", "http://storage.example:8080/x?sig=secret")])
    }
    let result = try export(from: server.host, names: "\(address) storage.example")
    #expect(result.status == 13, "\(result.standardError)")
    result.complains("storage.example", words, "nothing was sent there")
    #expect(!result.standardError.contains("sig=secret"))
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
  }

  @Test func `gets no credentials where it is a token server's in such a place`() throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(
        401, headers: [("WWW-Authenticate", #"Bearer realm="http://auth.example:8080/token",service="s""#)])
    }
    let result = try export(from: server.host, names: "169.254.169.254 auth.example")
    #expect(result.status == 13, "\(result.standardError)")
    result.complains("auth.example", "169.254.169.254")
  }

  @Test func `is not gone to as the registry itself where it is a metadata service`() throws {
    let result = try export(from: "registry.example:8080", names: "100.100.100.200 registry.example")
    #expect(result.status == 13, "\(result.standardError)")
    result.complains("100.100.100.200", "metadata")
  }
}
