import Foundation
import TestSupport
import Testing

/// Pipes that break off, bring something else, or fall silent.
@Suite(.waiting) struct `A pipe with an archive` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let destination: RegistryProcess
  private let archive: String

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
    destination = try RegistryProcess()
    archive = try FixtureArchive.everything()
  }

  private var to: String { "\(destination.host)/new" }

  /// That no image is there under any name.
  private func expectNoTag() {
    let tags = destination.storage.repositories.flatMap { destination.storage.tags(of: $0) }
    #expect(tags == [])
  }

  @Test(arguments: [2, 30, 60, 99])
  func `that ends too early leaves no tag, and the next run sends the rest`(percent: Int) throws {
    let size = try DamagedArchive(of: archive).bytes.count
    let cut = "\(size * percent / 100)"
    let broken = try pipeline.run(
      "head -c \(cut) \"$1\" | $ferry import - --plain-http --to \"$2\"", [archive, to])
    #expect(broken.status == 14)
    broken.complains("truncated")
    if percent > 10 { broken.complains("missing: sha256:", "No tag was pushed", "same command") }
    expectNoTag()
    // Of what passes by nothing is whole before its end.
    let taken = try pipeline.run(
      "head -c \(cut) \"$1\" | $ferry import - --allow-missing --plain-http --to \"$2\"", [archive, to])
    #expect(taken.status == 14)
    let verified = try pipeline.run("head -c \(cut) \"$1\" | $ferry verify -", [archive])
    #expect(verified.status == 14)

    let gateway = FaultGateway(before: destination.host)
    let whole = try pipeline.run(
      "$ferry import - --plain-http --to \"$2\" < \"$1\"", [archive, "\(gateway.host)/new"])
    #expect(whole.status == 0, "\(whole.standardError)")
    if percent == 99 { #expect(gateway.received < size / 4) }
    #expect(
      destination.storage.digest(of: "new/app", "1.0") == (try FixtureImages.digest(of: "team/app:1.0")))
  }

  @Test(arguments: ["cat", "gzip -c", "zstd -qc", "xz -c"], ["", "--spool ."])
  func `of another tool that ends too early gives the images that are whole`(tool: String, spool: String)
    throws
  {
    let made = try MadeArchive(
      """
      import random
      r = random.Random(7)
      a, b = [Image(n, kind='layer.v1.tar', zip=False, plain=[tar([(n, r.randbytes(300000))])]) for n in 'ab']
      write(layout([a.entry('a:1'), b.entry('b:1')], [*a.blobs, *b.blobs]))
      print(digest(a.manifest))
      """)
    let cut = "\(tool) < \"$1\" > packed; head -c $(($(wc -c < packed) * 85 / 100)) packed |"
    let run = "\(cut) $ferry import - --plain-http --to \"$2\" \(spool)"
    let refused = try pipeline.run(run, [made.path, to])
    #expect(refused.status == 14)
    refused.complains("truncated", "--allow-missing takes the images that are whole")
    expectNoTag()
    let taken = try pipeline.run("\(run) --allow-missing", [made.path, to])
    #expect(taken.status == 3, "\(taken.standardError)")
    taken.complains("old.example/team/b:1")
    #expect(destination.storage.digest(of: "new/a", "1") == made.printed[0])
    #expect(destination.storage.tags(of: "new/b") == [])
    #expect(try pipeline.run("\(cut) $ferry verify -", [made.path]).status == 14)
    // What lacks nothing but the end of what packed it is not proved to be whole.
    guard tool.hasPrefix("gzip") else { return }
    let end = try pipeline.run(
      "\(tool) < \"$1\" > packed; head -c -2 packed | $ferry import - --plain-http --to \"$2\" \(spool)",
      [made.path, "\(destination.host)/end"])
    #expect(end.status == 14)
    end.complains("truncated")
  }

  @Test func `whose writer is killed is cut`() throws {
    let half = try DamagedArchive(of: archive).bytes.count / 2
    // What a dead ssh leaves: bytes, then nothing.
    let result = try pipeline.run(
      """
      { head -c \(half) "$1"; kill -9 $BASHPID; } | $ferry import - --plain-http --to "$2"; exit ${PIPESTATUS[1]}
      """, [archive, to])
    #expect(result.status == 14)
    expectNoTag()
  }

  @Test func `that brings other bytes leaves no tag`() throws {
    let whole = try DamagedArchive(of: archive)
    let layers = whole.entries.filter { $0.size > 60_000 }
    let (first, last) = (try #require(layers.first), try #require(whole.entries.last))
    let damages: [(String, String, (inout DamagedArchive) -> Void)] = [
      ("a bit of a layer", "sha256", { $0.flip(first.content + 77) }),
      ("a bit of a header behind it", "header", { $0.flip(last.header + 140) }),
      ("padding", "padding", { $0.flip(last.end) }),
      ("more behind the end", "goes on", { $0.appendBytes([0]) }),
      ("no end marker", "truncated", { $0.cut(at: $0.endMarker) }),
      ("a manifest's bit", "hashes to", { $0.flip($0.entries[6].content + 3) }),
    ]
    for (name, word, damage) in damages {
      var archive = whole
      damage(&archive)
      try archive.write(to: ferry.file("a.tar"))
      for compress in ["cat", "gzip"] {
        let pushed = try pipeline.run(
          "\(compress) < a.tar | $ferry import - --plain-http --to \"$1\"; exit ${PIPESTATUS[1]}", [to])
        #expect(pushed.status == 14, "\(name): \(pushed.standardError)")
        #expect(pushed.standardError.contains(word), "\(name): \(pushed.standardError)")
        let verified = try pipeline.run(
          "\(compress) < a.tar | $ferry verify -; exit ${PIPESTATUS[1]}")
        #expect(verified.status == 14, "\(name)")
        #expect(verified.standardOutput.contains("DAMAGED"), "\(name): \(verified.standardOutput)")
      }
      expectNoTag()
    }
  }

  @Test func `that brings nothing, or no archive, is told apart`() throws {
    #expect(try ferry.run(["verify", "-"], exits: 14).standardError.contains("ends at byte 0"))
    for text in ["x", String(repeating: "no tar ", count: 1000)] {
      let result = try ferry.run(["import", "-", "--to", to], exits: 14, input: text)
      result.complains("standard input is not an archive")
    }
    let closed = try pipeline.run("exec $ferry verify - <&-")
    #expect(closed.status == 16)
    closed.complains("cannot read standard input")
    let garbage = try pipeline.run("printf '\\x1f\\x8bnothing' | $ferry verify -")
    #expect(garbage.status == 14)
    garbage.complains("standard input", "gzip")
  }

  @Test func `is not written to by who has no other streams`() throws {
    // Without standard output the archive would be the next file to get its number.
    let source = try RegistryProcess.fixtures()
    let result = try pipeline.run(
      "$ferry export --plain-http -o a.tar \"$1\" <&- >&- 2>&-; $ferry verify a.tar",
      [source.reference("odd/plain:1")])
    #expect(result.status == 0, "\(result.standardOutput)")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `that falls silent is let go at a signal`(signal: Int32) throws {
    try Command.run("mkfifo", [ferry.file("pipe")])
    let running = try ferry.start("verify", "pipe")
    // Opening waits for the reader; more than a pipe holds, so that some of it was read when all is written.
    let writer = open(ferry.file("pipe"), O_WRONLY)
    defer { close(writer) }
    let bytes = try DamagedArchive(of: archive).bytes.prefix(200 << 10)
    #expect(bytes.withUnsafeBytes { write(writer, $0.baseAddress, $0.count) } == bytes.count)
    running.signal(signal)
    let result = try #require(running.waitForEnd())
    #expect(result.end == .exited(130))
  }
}
