import Foundation
import TestSupport
import Testing

/// Checksums and signatures beside an archive, made and checked by Ferry and by the usual tools.
@Suite(.waiting) struct `An archive to be proved` {
  private let source: RegistryProcess
  private let ferry: FerryProcess
  private let image: String

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
    image = source.reference("team/app:1.0")
  }

  private func checksums(_ file: String, in directory: String = "") throws -> CommandResult {
    var command = Command("sha256sum", ["-c", "--strict", file])
    command.directory = ferry.file(directory)
    return try command.run()
  }

  private func copy(_ from: String, to: String) throws {
    try? FileManager.default.removeItem(atPath: ferry.file(to))
    try FileManager.default.copyItem(atPath: ferry.file(from), toPath: ferry.file(to))
  }

  @Test func `gets checksums that sha256sum checks`() throws {
    try ferry.export([image, source.reference("odd/nested:1")], to: "a.tar", "--checksum")
    #expect(try checksums("a.tar.sha256").standardOutput == "a.tar: OK\n")
    var bytes = try DamagedArchive(of: ferry.file("a.tar"))
    bytes.flip(bytes.bytes.count / 2)
    try bytes.write(to: ferry.file("a.tar"))
    #expect(try checksums("a.tar.sha256").status != 0)
  }

  @Test func `in a directory gets checksums of its own`() throws {
    try ferry.export([image, source.reference("odd/nested:1")], to: "out/", "--checksum")
    let names = try FileManager.default.contentsOfDirectory(atPath: ferry.file("out")).sorted()
    #expect(
      names == [
        "odd_nested__1.tar", "odd_nested__1.tar.sha256", "team_app__1.0.tar", "team_app__1.0.tar.sha256",
      ])
    for name in names where name.hasSuffix(".sha256") { #expect(try checksums(name, in: "out").status == 0) }
  }

  @Test func `in volumes has a checksum for each and one signature for all`() throws {
    let minisign = try Minisign()
    try ferry.export(
      [image], to: "a.tar", "--volume-size", "400K", "--checksum", "--sign-key", minisign.secretKey)
    let checked = try checksums("a.tar.sha256")
    #expect(checked.status == 0)
    #expect(checked.lines.count > 2)
    #expect(checked.lines == checked.lines.indices.map { "a.tar.00\($0 + 1): OK" })
    #expect(try minisign.accepts(ferry.file("a.tar.digest")))
    for named in ["a.tar", "a.tar.002"] {
      try ferry.run(["verify", named, "--public-key", minisign.publicKey], exits: 0)
    }
    let volume = URL(fileURLWithPath: ferry.file("a.tar.002"))
    var bytes = try Data(contentsOf: volume)
    bytes[1000] ^= 1
    try bytes.write(to: volume)
    #expect(try checksums("a.tar.sha256").standardOutput.contains("a.tar.002: FAILED"))
  }

  @Test func `that is there already gets the checksums it lacks, and wrong ones mended`() throws {
    try ferry.export([image], to: "a.tar")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar.sha256")))
    try ferry.export([image], to: "a.tar", "--checksum")
    #expect(try checksums("a.tar.sha256").status == 0)
    try ferry.write("\(String(repeating: "0", count: 64))  a.tar\n", to: "a.tar.sha256")
    try ferry.export([image], to: "a.tar", "--checksum").complains("there already")
    #expect(try checksums("a.tar.sha256").status == 0)
  }

  @Test func `that takes another's place is told apart from that one's proofs`() throws {
    let minisign = try Minisign()
    try ferry.export([image], to: "a.tar", "--checksum", "--sign-key", minisign.secretKey)
    let other = source.reference("odd/nested:1")
    let replaced = try ferry.export([other], to: "a.tar", "--force")
    replaced.complains("a.tar.sha256 is of the archive that was there before: write it anew with --checksum")
    replaced.complains("a.tar.digest is of the archive that was there before: write it anew with --sign-key")
    let proved = try ferry.export([image], to: "a.tar", "--force", "--checksum")
    #expect(!proved.standardError.contains("a.tar.sha256 is of"))
    #expect(try checksums("a.tar.sha256").status == 0)
  }

  @Test func `signed by Ferry is signed to minisign, and the other way round`() throws {
    let minisign = try Minisign()
    try ferry.export([image], to: "a.tar", "--sign-key", minisign.secretKey)
    let digest = try String(contentsOfFile: ferry.file("a.tar.digest"), encoding: .utf8)
    #expect(digest.wholeMatch(of: /sha256:[0-9a-f]{64}\n/) != nil)
    #expect(try minisign.accepts(ferry.file("a.tar.digest")))
    try ferry.run(["verify", "a.tar", "--public-key", minisign.publicKey], exits: 0)
    let verified = try ferry.run(["verify", "a.tar", "--public-key", minisign.publicText], exits: 0)
    #expect(verified.standardOutput.contains("signed by "))
    #expect(verified.standardOutput.contains("file:a.tar.digest"))

    let first = try String(contentsOfFile: ferry.file("a.tar.digest.minisig"), encoding: .utf8)
    try ferry.export([image], to: "a.tar", "--sign-key", minisign.secretKey)
    #expect(try String(contentsOfFile: ferry.file("a.tar.digest.minisig"), encoding: .utf8) == first)

    for isLegacy in [false, true] {
      try minisign.sign(ferry.file("a.tar.digest"), isLegacy: isLegacy)
      try ferry.run(["verify", "a.tar", "--public-key", minisign.publicKey], exits: 0)
    }
    // The digest's file is for minisign; Ferry knows what the archive's digest is.
    try FileManager.default.removeItem(atPath: ferry.file("a.tar.digest"))
    try ferry.run(["verify", "a.tar", "--public-key", minisign.publicKey], exits: 0)
  }

  @Test func `signed with a locked key needs its password`() throws {
    let minisign = try Minisign(password: "open sesame")
    var ferry = ferry
    let arguments = ["export", "--plain-http", image, "-o", "a.tar", "--sign-key", minisign.secretKey]
    // No variable, and no terminal to ask at.
    var detached = ferry.command(arguments)
    detached.arguments = ["--wait", detached.program] + arguments
    detached.program = "setsid"
    let unasked = try detached.run()
    #expect(unasked.status == 10)
    unasked.complains("FERRY_SIGN_PASSPHRASE")
    ferry.environment["FERRY_SIGN_PASSPHRASE"] = "open barley"
    let refused = try ferry.run(arguments, exits: 10)
    refused.complains("does not open")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    ferry.environment["FERRY_SIGN_PASSPHRASE"] = "open sesame"
    let done = try ferry.run(arguments, exits: 0)
    #expect(try minisign.accepts(ferry.file("a.tar.digest")))
    for shown in [refused, done] {
      #expect(!shown.standardError.contains("sesame") && !shown.standardError.contains("barley"))
    }
  }

  @Test func `signed with a locked key asks for its password at a terminal, which does not show it`() throws {
    let minisign = try Minisign(password: "open sesame")
    // Types the password when it is asked for; what is typed before that does not count.
    let running = try ferry.runAtTerminal(
      [
        "export", "--plain-http", image, "-o", "a.tar", "--sign-key", minisign.secretKey, "--progress",
        "none",
      ],
      answering: "os.write(terminal, b'open sesame\\n')")
    #expect(running.status == 0, "\(running.standardOutput)\(running.standardError)")
    #expect(running.standardOutput.contains("Password of"))
    #expect(!running.standardOutput.contains("sesame"))
    #expect(try minisign.accepts(ferry.file("a.tar.digest")))
  }

  @Test func `is refused without the signature demanded, and says what differs`() throws {
    let (minisign, other) = (try Minisign(), try Minisign())
    try ferry.export([image], to: "a.tar", "--sign-key", minisign.secretKey)
    try ferry.export([source.reference("odd/plain:1")], to: "b.tar", "--sign-key", minisign.secretKey)
    let demand = ["verify", "a.tar", "--public-key"]
    try ferry.run(demand + [other.publicKey], exits: 14).complains("it was made with the key")

    try copy("a.tar.digest.minisig", to: "kept")
    let good = try String(contentsOfFile: ferry.file("kept"), encoding: .utf8)
    try ferry.write(good.replacing("file:a.tar", with: "file:b.tar"), to: "a.tar.digest.minisig")
    try ferry.run(demand + [minisign.publicKey], exits: 14).complains("its trusted comment was altered")
    #expect(try !minisign.accepts(ferry.file("a.tar.digest")))
    try ferry.run(demand + [minisign.publicKey, "--signature", "kept"], exits: 0)

    try ferry.run(demand + [minisign.publicKey, "--signature", "b.tar.digest.minisig"], exits: 14)
      .complains("signs the archive sha256:")
    try copy("b.tar.digest.minisig", to: "a.tar.digest.minisig")
    try ferry.run(demand + [minisign.publicKey], exits: 14).complains("not over this content")
    #expect(try !minisign.accepts(ferry.file("a.tar.digest")))
    try ferry.write("no signature", to: "a.tar.digest.minisig")
    try ferry.run(demand + [minisign.publicKey], exits: 14).complains("four lines")
    try FileManager.default.removeItem(atPath: ferry.file("a.tar.digest.minisig"))
    try ferry.run(demand + [minisign.publicKey], exits: 14).complains(
      "there is no signature a.tar.digest.minisig")
  }

  @Test func `that is not signed as demanded is not imported`() throws {
    let (minisign, other) = (try Minisign(), try Minisign())
    let new = try RegistryProcess()
    try ferry.export([image], to: "a.tar", "--sign-key", minisign.secretKey)
    let arguments = ["import", "a.tar", "--plain-http", "--to", "\(new.host)/new", "--public-key"]
    try ferry.run(arguments + [other.publicKey], exits: 14).complains("a.tar is not signed as demanded")
    #expect(new.storage.repositories == [])
    try ferry.run(arguments + [minisign.publicKey], exits: 0)
    new.stop()
    #expect(new.storage.tags(of: "new/app") == ["1.0"])
    #expect(new.requests.count > 0)
  }

  @Test func `is not signed with what is no key`() throws {
    let minisign = try Minisign()
    let base = ["export", "--plain-http", image, "-o", "a.tar", "--sign-key"]
    try ferry.run(base + ["missing.key"], exits: 12).complains("cannot read missing.key: No such file")
    try ferry.run(base + [minisign.publicKey], exits: 64).complains("no minisign secret key")
    try ferry.run(["verify", "a.tar", "--public-key", "missing.pub"], exits: 12)
    try ferry.run(["verify", "a.tar", "--public-key", minisign.secretKey], exits: 64)
    chmod(minisign.secretKey, 0o644)
    try ferry.run(base + [minisign.secretKey], exits: 0).complains("others may read")
  }

  @Test func `on standard output has nothing to put beside it`() throws {
    for option in [["--checksum"], ["--sign-key", "k"]] {
      let result = try ferry.run(["export", image, "-o", "-"] + option, exits: 64)
      result.complains("With -o -")
    }
    try ferry.run(["verify", "a.tar", "--signature", "s"], exits: 64).complains("--public-key")
    try ferry.run(["verify", "a.tar", "b.tar", "--signature", "s", "--public-key", "k"], exits: 64)
  }
}
