import Foundation
import Registry
import TestSupport
import Testing

@testable import Credentials

@Suite(.waiting) struct `A credential helper` {
  let directory: TemporaryDirectory

  init() throws { directory = TemporaryDirectory() }

  /// A helper that runs `script`, with the usual programs at hand.
  func helper(_ script: String, _ timeLimit: Duration = .seconds(300), secrets: [String: String] = [:]) throws
    -> CredentialHelper
  {
    // Written by another process: what this one has open for writing, a child started by some other test
    // could hold open, and no program that is open for writing can be run.
    var install = Command(
      "install", ["-m", "755", "/dev/stdin", directory.file("docker-credential-test")])
    install.input = Array("#!/bin/sh\n\(script)\n".utf8)
    #expect(try install.run().status == 0)
    let environment = ["PATH": "relative::\(directory.path):/usr/bin:/bin", "HOME": directory.path]
    return CredentialHelper(
      name: "test", environment: environment.merging(secrets) { $1 }, timeLimit: timeLimit)
  }

  func failure(_ helper: CredentialHelper) -> CredentialHelperFailure? {
    do throws(CredentialError) {
      _ = try helper.credential(for: "r.example")
    } catch {
      if case .helperFailed(_, let server, let failure) = error, server == "r.example" { return failure }
    }
    return nil
  }

  @Test func `is asked for the server on its input and answers in JSON`() throws {
    let helper = try helper(
      #"""
      [ "$*" = get ] || exit 9
      read server
      echo '{"ServerURL":"'$server'","Username":"user-of-'$server'","Secret":"p"}'
      """#)
    #expect(
      try helper.credential(for: "r.example:5000")
        == .basic(username: "user-of-r.example:5000", password: "p"))
  }

  /// What waits for something in a program's place is not ended by the end of that program.
  @Test func `is ended with all that it has started`() throws {
    let started = directory.file("started")
    let pipe = directory.file("pipe")
    #expect(try Command("mkfifo", [pipe]).run().status == 0)
    // Whoever has the pipe open for writing is heard until it ends.
    let helper = try helper(
      """
      (exec 3>'\(pipe)'; echo there > '\(started)'; exec sleep 1000) > /dev/null &
      while [ ! -e '\(started)' ]; do sleep 0.1; done
      yes
      """)
    let ended = Gate()
    let reader = Thread { [pipe] in
      _ = try? Command("cat", [pipe]).run()
      ended.open()
    }
    reader.start()
    guard case .tooLong = failure(helper) else {
      Issue.record("it was to be ended for what it wrote")
      return
    }
    // Comes to an end only when nobody holds it.
    #expect(ended.wait())
  }

  @Test func `may hold an identity token`() throws {
    let helper = try helper(#"echo '{"ServerURL":"r","Username":"<token>","Secret":"refresh"}'"#)
    #expect(try helper.credential(for: "r") == .identityToken(username: "", token: "refresh"))
  }

  @Test func `may have nothing`() throws {
    let helper = try helper("echo credentials not found in native keychain; exit 1")
    #expect(try helper.credential(for: "r.example") == nil)
  }

  @Test(arguments: [
    "echo credentials not found in native keychain; exit 1",
    "echo credentials not found in native keychain >&2; exit 1", "echo no credentials server URL; exit 1",
    #"echo '{"ServerURL":"","Username":"","Secret":""}'"#, #"echo '{"ServerURL":"r.example"}'"#, "echo '{}'",
  ])
  func `may have nothing, and says so in many ways`(_ script: String) throws {
    #expect(try helper(script).credential(for: "r.example") == nil)
  }

  @Test func `is heard on its standard error, however it ends`() throws {
    let remark: (String) throws -> String? = { script in
      var heard: String?
      _ = try? self.helper(script).credential(for: "r.example") { heard = $0 }
      return heard
    }
    let reply = #"echo '{"Username":"u","Secret":"p0ssw0rd"}'"#
    #expect(try remark("echo log in first >&2; \(reply)") == "log in first")
    #expect(try remark("printf 'one\\n\\033[31mtwo' >&2; exit 3") == "one [31mtwo")
    #expect(try remark(reply) == nil)
    // What comes last says why; the rest is bounded.
    let long = try #require(
      try remark(
        "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; echo the end >&2; exit 1"))
    #expect(long.hasSuffix("the end"))
    #expect(long.count < 600)
    // Of a word whose beginning is cut away nobody knows whether it is a secret.
    let word = try #require(
      try remark("head -c 1000 /dev/zero | tr '\\0' x >&2; echo ' the end' >&2; exit 1"))
    #expect(word == "… the end")
  }

  @Test func `is heard before its time is over`() throws {
    var heard: String?
    let slow = try helper("echo touch your key >&2; exec sleep 600", .seconds(2))
    #expect(throws: CredentialError.self) { try slow.credential(for: "r.example") { heard = $0 } }
    #expect(heard == "touch your key")
  }

  @Test func `that speaks of the secret is not repeated`() throws {
    var heard: String?
    let talkative = try helper(
      #"""
      echo "got hunter2 for u, $(printf u:hunter2 | base64)" >&2
      echo '{"Username":"u","Secret":"hunter2"}'
      """#)
    _ = try talkative.credential(for: "r.example") { heard = $0 }
    #expect(heard == "got … for u, …")
    let failing = try helper(#"echo '{"Username":"u","Secret":"hunter2"}'; exit 4"#)
    guard case .failed(4, let message) = failure(failing) else {
      Issue.record("no failure")
      return
    }
    #expect(!message.contains("hunter2"))
  }

  @Test func `is not waited for by those it leaves behind`() throws {
    let helper = try helper(#"sleep 600 & echo '{"Username":"u","Secret":"p"}'"#)
    #expect(try helper.credential(for: "r") == .basic(username: "u", password: "p"))
  }

  @Test func `says on its standard error alone why it failed`() throws {
    #expect(failure(try helper("echo locked >&2; exit 5")) == .failed(status: 5, message: "locked"))
  }

  @Test func `reports its own failure`() throws {
    let failed = try helper("echo store is locked; echo noise >&2; exit 3")
    #expect(failure(failed) == .failed(status: 3, message: "store is locked"))
    #expect(failure(try helper("kill -9 $$")) == .failed(status: -9, message: ""))
  }

  @Test(arguments: ["echo no json", "true", #"echo '{"Username":"u"}'"#, "echo []"])
  func `must keep to the protocol`(_ script: String) throws {
    #expect(failure(try helper(script)) == .malformedReply)
  }

  @Test func `has only so much time`() throws {
    let start = ContinuousClock.now
    #expect(failure(try helper("exec sleep 600", .milliseconds(200))) == .timedOut(.milliseconds(200)))
    // Closing its output does not buy it more.
    #expect(
      failure(try helper("exec sleep 600 >&- 2>&-", .milliseconds(200))) == .timedOut(.milliseconds(200)))
    #expect(ContinuousClock.now - start < .seconds(300))
  }

  @Test func `has only so much to say`() throws {
    #expect(failure(try helper("exec cat /dev/zero")) == .tooLong(limit: 64 << 10))
  }

  @Test func `is not waited for by a cancelled task`() async throws {
    let helper = try helper("exec sleep 600")
    let task = Task { failure(helper) }
    task.cancel()
    #expect(await task.value == .cancelled)
  }

  @Test(arguments: ["", "../test", "a/b", "te st", "te\0st", "é", String(repeating: "a", count: 200)])
  func `must be named like a program`(_ name: String) throws {
    let helper = CredentialHelper(name: name, environment: ["PATH": directory.path])
    #expect(failure(helper) == .invalidName)
  }

  @Test(arguments: ["/usr/bin:/bin", "", "relative"]) func `must be there`(_ path: String) throws {
    let helper = CredentialHelper(name: "ferry-tests-none", environment: ["PATH": path])
    #expect(failure(helper) == .notFound)
  }

  @Test func `sees no secret of ours, and no answer of another`() throws {
    let helper = try helper(
      #"""
      [ -z "$FERRY_EXPORT_API_KEY$FERRY_IMPORT_PASSWORD$NGC_API_KEY$NGC_CLI_API_KEY" ] || exit 9
      [ "$OTHER" = kept ] || exit 8
      echo '{"Username":"u","Secret":"p"}'
      """#,
      secrets: [
        "FERRY_EXPORT_API_KEY": "s", "FERRY_IMPORT_PASSWORD": "s", "NGC_API_KEY": "s", "NGC_CLI_API_KEY": "s",
        "OTHER": "kept",
      ])
    #expect(try helper.credential(for: "r") == .basic(username: "u", password: "p"))
  }
}
