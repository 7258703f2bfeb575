import Foundation
import TestSupport
import Testing

/// An auth file may name a program that has no credential, or is none. Ferry goes on as a stranger and says so; where that
/// is not enough, the error names the program.
@Suite(.waiting) struct `A credential helper with trouble` {
  private let ferry: FerryProcess

  init() throws {
    var ferry = try FerryProcess()
    ferry.environment["PATH"] = "\(ferry.file("bin")):/usr/bin:/bin"
    self.ferry = ferry
    for name in ["bin", ".docker"] {
      try FileManager.default.createDirectory(atPath: ferry.file(name), withIntermediateDirectories: true)
    }
  }

  /// Installs `docker-credential-x`; nil leaves it out.
  private func install(_ script: String?, mode: String = "755") throws {
    guard let script else { return }
    var install = Command("install", ["-m", mode, "/dev/stdin", ferry.file("bin/docker-credential-x")])
    install.input = Array("#!/bin/sh\n\(script)\n".utf8)
    #expect(try install.run().status == 0)
  }

  struct Trouble: CustomTestStringConvertible {
    let testDescription: String
    var script: String?
    var mode = "755"
    let says: String
  }

  static let troubles = [
    Trouble(
      testDescription: "docker-py#2499: it has nothing",
      script: "echo credentials not found in native keychain; exit 1",
      says: "docker-credential-x has no credentials for"),
    Trouble(
      testDescription: "an empty answer", script: #"echo '{"ServerURL":"","Username":"","Secret":""}'"#,
      says: "docker-credential-x has no credentials for"),
    Trouble(testDescription: "for-mac#3785: it is missing", script: nil, says: "it is not in PATH"),
    Trouble(testDescription: "it may not be run", script: "true", mode: "644", says: "it is not in PATH"),
    Trouble(
      testDescription: "it prints rubbish", script: "echo Welcome!",
      says: "its answer is not what the protocol asks for"),
    Trouble(
      testDescription: "it fails, and says why on standard error",
      script: "echo the store is locked >&2; exit 2",
      says: "the store is locked"),
    Trouble(testDescription: "it dies", script: "kill -9 $$", says: "it exited with -9"),
    Trouble(
      testDescription: "it has no end", script: "exec cat /dev/zero", says: "its answer is longer than"),
  ]

  @Test(arguments: troubles, ["credsStore", "credHelpers"])
  func `leaves the registry to a stranger, with a warning`(_ trouble: Trouble, _ kind: String) throws {
    try install(trouble.script, mode: trouble.mode)
    let open = try RegistryProcess.fixtures()
    let locked = try RegistryProcess(.basic(username: "u", password: "p"), fixtures: true)
    for (registry, status) in [(open, 0), (locked, 10)] as [(RegistryProcess, Int32)] {
      let names = kind == "credsStore" ? #""x""# : #"{"\#(registry.host)":"x"}"#
      try ferry.write(#"{"\#(kind)":\#(names)}"#, to: ".docker/config.json")
      let result = try ferry.run(
        ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "--force"], exits: status
      )
      result.complains(
        "warning: docker-credential-x ", trouble.says, "(\(ferry.file(".docker/config.json")) names it)",
        "no credentials, asking anonymously")
      let error = result.standardError.components(separatedBy: "ferry: ").dropFirst().joined()
      #expect(status == 0 ? error.isEmpty : error.contains(trouble.says), "\(result.standardError)")
      if status == 10 { result.complains("needs credentials, and none were found", "Run the helper by hand") }
    }
  }

  @Test func `is heard`() throws {
    try install(#"printf 'touch\033[2J your key\n' >&2; echo '{"Username":"u","Secret":"pass-3141"}'"#)
    let registry = try RegistryProcess(.basic(username: "u", password: "pass-3141"), fixtures: true)
    try ferry.write(#"{"credsStore":"x"}"#, to: ".docker/config.json")
    let result = try ferry.run(
      ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http"], exits: 0)
    result.complains("docker-credential-x says: touch [2J your key")
    #expect(result.standardError.components(separatedBy: "docker-credential-x says").count == 2)
    #expect(!result.standardError.contains("pass-3141"))
  }

  @Test func `leads to podman's places`() throws {
    let registry = try RegistryProcess(.basic(username: "u", password: "p"), fixtures: true)
    try ferry.write(#"{"credsStore":"x"}"#, to: ".docker/config.json")
    let login = #"{"auths":{"\#(registry.host)":{"auth":"dTpw"}}}"#
    var ferry = ferry
    ferry.environment["XDG_RUNTIME_DIR"] = ferry.file("run")
    for place in [".config/containers", "run/containers"] {
      try FileManager.default.createDirectory(atPath: ferry.file(place), withIntermediateDirectories: true)
      try ferry.write(login, to: "\(place)/auth.json")
      let result = try ferry.run(
        ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "--force"], exits: 0)
      result.complains("credentials from \(ferry.file(place))/auth.json, entry '\(registry.host)'")
    }
  }

  @Test func `is no worse than a broken entry, which is named and spoils nothing`() throws {
    let registry = try RegistryProcess(.basic(username: "u", password: "p"), fixtures: true)
    try ferry.write(
      #"{"auths":{"null.example":null,"number.example":5,"odd.example":{"auth":"%%"},"\#(registry.host)":{"auth":"dTpw"}}}"#,
      to: ".docker/config.json")
    let export = ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "--force"]
    let result = try ferry.run(export, exits: 0)
    for host in ["null.example", "number.example", "odd.example"] {
      result.complains("warning: the entry '\(host)' of \(ferry.file(".docker/config.json")) holds no login")
    }
    try ferry.write(#"{"auths":{"\#(registry.host)":{"auth":"%%"}}}"#, to: ".docker/config.json")
    try ferry.run(export, exits: 64).complains("its entry '\(registry.host)' holds no user and password")
  }
}
