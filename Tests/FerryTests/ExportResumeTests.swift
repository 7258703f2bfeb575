import Foundation
import TestSupport
import Testing

/// What a second run makes of what the first one left.
struct `A continued export` {
  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: ferry.home.path)) ?? []).sorted()
  }

  /// Starts an export and ends it by a signal once so many bytes have moved.
  @discardableResult
  private func interrupt(
    _ arguments: [String], after bytes: Int, by signal: Int32 = SIGKILL
  ) throws -> CommandResult {
    images.gateway.resetCounts()
    let running = try ferry.command(arguments).start()
    #expect(images.gateway.wait(sent: bytes))
    running.signal(signal)
    let result = try #require(running.waitForEnd(within: .seconds(20)))
    images.gateway.waitUntilIdle()
    images.gateway.resetCounts()
    return result
  }

  private func undisturbed(_ tags: [String]) throws -> String {
    try ferry.run(images.export(tags, to: "undisturbed.tar"), exits: 0)
    images.gateway.resetCounts()
    return ferry.file("undisturbed.tar")
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `goes on inside its layers, as the last line of the interrupted one says`(signal: Int32) throws {
    let undisturbed = try undisturbed(["one", "two"])
    let name = "it's here.tar"
    let arguments = images.export(["one", "two"], to: name)
    let clock = ContinuousClock()
    let start = clock.now
    let result = try interrupt(arguments, after: 50 << 20, by: signal)
    #expect(result.status == 130)
    // Two seconds are promised; what the transfer itself took is little beside them.
    #expect(clock.now - start < .seconds(20))
    let lines = result.standardError.split(separator: "\n").map(String.init)
    #expect(files == [name + ".partial", name + ".partial.journal", "undisturbed.tar"])

    let dry = try ferry.run(arguments + ["--dry-run"], exits: 0)
    #expect(dry.standardOutput.contains(/continuing with \d+\.\d MiB of 70\.\d MiB/))

    // As a shell reads it.
    var again = Command("sh", ["-c", try #require(lines.last)], environment: ["HOME": ferry.home.path])
    again.directory = ferry.home.path
    let second = try again.run()
    #expect(second.status == 0)
    second.complains("\(name): continuing with ")
    #expect(try areEqual(ferry.file(name), undisturbed))
    #expect(files == [name, "undisturbed.tar"])
    #expect(images.gateway.exchanges.contains { $0.range != nil && $0.status == 206 })
    // Told before it ends, a run notes all it has: nothing but what was on the line comes twice.
    #expect(images.moved() <= images.size(["one", "two"]) - (30 << 20))
  }

  @Test func `is interrupted within two seconds though nothing moves`() throws {
    images.gateway.add(.always(.stallAnswer(after: 3 << 20), on: .pulledBlob))
    let running = try ferry.command(images.export(["one", "two"], to: "a.tar")).start()
    #expect(images.gateway.wait(sent: 6 << 20))
    let clock = ContinuousClock()
    let start = clock.now
    running.signal(SIGINT)
    #expect(running.waitForEnd(within: .seconds(20))?.status == 130)
    #expect(clock.now - start < .seconds(2))
    images.gateway.clearFaults()
    images.gateway.resetCounts()
    try ferry.run(images.export(["one", "two"], to: "a.tar"), exits: 0)
    #expect(images.moved() <= images.size(["one", "two"]) - (5 << 20))
  }

  @Test func `ends at once by a second signal, and can still be gone on with`() throws {
    let running = try ferry.command(images.export(["one", "two"], to: "a.tar")).start()
    #expect(images.gateway.wait(sent: 40 << 20))
    running.signal(SIGTERM)
    running.signal(SIGTERM)
    #expect(running.waitForEnd(within: .seconds(5))?.status == 130)
    try ferry.run(images.export(["one", "two"], to: "a.tar"), exits: 0).complains("continuing with")
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `fetches a blob that was damaged again, from its last good checkpoint and alone`() throws {
    let undisturbed = try undisturbed(["one", "two"])
    let arguments = images.export(["one", "two"], to: "a.tar")
    try interrupt(arguments, after: 65 << 20)
    let path = ferry.file("a.tar.partial")
    let whole = try Data(contentsOf: URL(fileURLWithPath: undisturbed))
    // The largest layer lies somewhere: a byte in its first eight megabytes.
    let start = try #require(whole.firstRange(of: Data(content(of: 0).prefix(64)))?.lowerBound)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(start + 1000))
    let byte = try #require(try file.read(upToCount: 1)?.first)
    try file.seek(toOffset: UInt64(start + 1000))
    try file.write(contentsOf: Data([byte ^ 1]))
    try file.close()

    let result = try ferry.run(arguments, exits: 0)
    result.complains("that an earlier run left, 0 B are right")
    #expect(try areEqual(ferry.file("a.tar"), undisturbed))
    #expect(images.moved(images.layers[0]) == LargeImages.sizes[0])
    #expect(images.moved() < images.size(["one", "two"]))
  }

  @Test func `into a directory that goes away fails by name, and leaves nothing that looks whole`() throws {
    let running = ferry.command(images.export(["one"], to: "out/a.tar") + ["--limit-rate", "60M"])
    try FileManager.default.createDirectory(atPath: ferry.file("out"), withIntermediateDirectories: true)
    let process = try running.start()
    #expect(images.gateway.wait(sent: 10 << 20))
    try FileManager.default.removeItem(atPath: ferry.file("out"))
    let result = try #require(process.waitForEnd(within: .seconds(60)))
    #expect(result.status == 16)
    result.complains("out/a.tar", "No such file")
    #expect(files == [])
  }

  private func content(of layer: Int) throws -> [UInt8] {
    try #require(images.registry.storage.bytes(of: images.layers[layer]))
  }

  @Test func `says which tags moved, and keeps every byte still wanted`() throws {
    let arguments = images.export(["one", "two"], to: "a.tar")
    let result = try interrupt(arguments, after: 60 << 20, by: SIGINT)
    #expect(result.status == 130)
    // Its layers come after others now, and there is one more.
    try images.push([4, 2, 1, 5], as: "two")
    let second = try ferry.run(arguments, exits: 0)
    second.complains("big/app:two has moved since the last run", "change their place")
    let moved = images.moved()
    try ferry.run(images.export(["one", "two"], to: "fresh.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("fresh.tar")))
    #expect(moved <= images.size(["one", "two", "three"]) - (40 << 20))
  }

  @Test func `of other images is refused, and thrown away with --force`() throws {
    try interrupt(images.export(["one"], to: "a.tar"), after: 20 << 20)
    let other = images.export(["two"], to: "a.tar")
    for options in [[], ["--dry-run"]] {
      try ferry.run(other + options, exits: 15).complains(
        "a.tar.partial is the unfinished archive of \(images.gateway.reference("big/app:one"))", "--force")
    }
    #expect(images.moved() == 0)
    try ferry.run(other + ["--force"], exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)
    #expect([1, 4, 5].allSatisfy { images.moved(images.layers[$0]) == LargeImages.sizes[$0] })
  }

  @Test(arguments: ["nothing", "nonsense", "a torn line"])
  func `needs a journal that can be read`(journal: String) throws {
    let arguments = images.export(["one"], to: "a.tar")
    try interrupt(arguments, after: 30 << 20)
    let path = ferry.file("a.tar.partial.journal")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    switch journal {
    case "nothing": try FileManager.default.removeItem(atPath: path)
    case "nonsense": try "nonsense\n\(text)".write(toFile: path, atomically: true, encoding: .utf8)
    default: try (text + #"{"blob":"sha256:"#).write(toFile: path, atomically: true, encoding: .utf8)
    }
    let result = try ferry.run(arguments, exits: 0)
    #expect(result.standardError.contains("continuing with") == (journal == "a torn line"))
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `ends right though the first run was given wrong bytes`() throws {
    let undisturbed = try undisturbed(["one"])
    images.gateway.add(
      GatewayFault(.corruptAnswer(at: 1 << 20), on: .pulledBlob.naming(images.layers[0])))
    try interrupt(images.export(["one"], to: "a.tar"), after: 30 << 20)
    try ferry.run(images.export(["one"], to: "a.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), undisturbed))
    // What was there is found wrong at the end, and the whole comes once more.
    #expect(images.moved(images.layers[0]) > LargeImages.sizes[0])
    #expect(images.moved(images.layers[0]) < 2 * LargeImages.sizes[0])
  }

  @Test(arguments: [GatewayFault.Effect.ignoreRange, .misdeclareRange(by: 7), .misplaceRange(by: 7)])
  func `ends right though the registry does not keep to ranges`(effect: GatewayFault.Effect) throws {
    let undisturbed = try undisturbed(["one"])
    try interrupt(images.export(["one"], to: "a.tar"), after: 30 << 20)
    images.gateway.add(.always(effect, on: .pulledBlob))
    try ferry.run(images.export(["one"], to: "a.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), undisturbed))
  }
}

/// `--keep-going` and one archive for all.
struct `An export that keeps going` {
  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  @Test func `finishes an archive of what can be had, which says what it lacks`() throws {
    images.gateway.add(.always(.answer(500), on: .pulledBlob.naming(images.layers[2])))
    images.gateway.add(
      .always(
        .answer(404, body: #"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#), on: .pulledBlob.naming(images.layers[4])
      ))
    let tags = ["one", "two", "three", "none"]
    let arguments = images.export(tags, to: "a.tar") + ["--retries", "0"]
    try ferry.run(arguments, exits: 12)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))

    let result = try ferry.run(arguments + ["--keep-going", "--report", "report.json"], exits: 3)
    let lost = images.references(["two", "three", "none"])
    for image in lost { result.complains("failed: \(image)", "  \(image): ") }
    let report = try Report(file: ferry.file("report.json"))
    #expect(Set(try report.strings("failures", "image")) == Set(lost))

    let verified = try ferry.run(["verify", "a.tar"], exits: 0)
    let inspected = try ferry.run(["inspect", "a.tar"], exits: 0)
    for text in [verified.standardOutput, inspected.standardOutput] {
      #expect(text.contains("lacks \(lost[0]): its registry did not have it"))
      #expect(text.contains("lacks \(lost[1]): its registry could not be reached, or broke off"))
      #expect(text.contains("lacks \(lost[2]): its registry did not have it"))
    }
    let archive = try #require(
      Report(ferry.run(["inspect", "--json", "a.tar"], exits: 0)).objects("archives").first)
    #expect(
      (archive["lacking"] as? [[String: String]])?.map { $0["reason"] } == [
        "notFound", "network", "notFound",
      ])
    #expect((archive["images"] as? [[String: Any]])?.count == 1)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).sorted() == [
        "a.tar", "report.json",
      ])

    // The same failures give the same archive.
    try ferry.run(images.export(tags, to: "b.tar") + ["--retries", "0", "--keep-going"], exits: 3)
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("b.tar")))
  }

  @Test func `tells how to carry what could not be had at first, and nothing twice`() throws {
    images.gateway.add(.always(.answer(500), on: .pulledBlob.naming(images.layers[1])))
    let arguments = images.export(["one", "two"], to: "a.tar") + ["--retries", "0"]
    try ferry.run(arguments + ["--keep-going"], exits: 3)
    images.gateway.clearFaults()
    let refused = try ferry.run(arguments, exits: 15)
    let rest = images.references(["two"])
    refused.complains("a.tar is there without 1 image", "\(rest[0]) -o rest.tar --skip-known a.tar")
    images.gateway.resetCounts()
    try ferry.run(["export", "--plain-http", "-o", "rest.tar", "--skip-known", "a.tar"] + rest, exits: 0)
    #expect(images.moved(images.layers[0]) == 0)
    #expect(images.moved(images.layers[1]) == LargeImages.sizes[1])
    let target = try RegistryProcess()
    try ferry.run(["import", "--plain-http", "a.tar", "rest.tar", "--to", "\(target.host)/new"], exits: 0)
    #expect(target.storage.tags(of: "new/app") == ["one", "two"])
  }

  @Test func `finishes nothing when nothing can be had, and goes on when it can`() throws {
    images.gateway.add(.always(.cutAnswer(after: 20 << 20), on: .pulledBlob.naming(images.layers[0])))
    let arguments = images.export(["one"], to: "a.tar") + ["--retries", "0", "--keep-going"]
    try ferry.run(arguments, exits: 3).complains("1 image failed")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    images.gateway.clearFaults()
    images.gateway.resetCounts()
    try ferry.run(arguments, exits: 0)
    #expect(images.moved() <= images.size(["one"]) - (19 << 20))
    try ferry.run(["verify", "a.tar"], exits: 0)
  }
}
