import Foundation
import TestSupport
import Testing

/// What a second run makes of what the first one left.
@Suite(.waiting) struct `A continued export` {
  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: ferry.home.path)) ?? []).sorted()
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
    let result = try images.interrupt(
      ferry, arguments, archive: name, at: [0: 30 << 20, 1: 20 << 20], by: signal)
    #expect(result.status == 130)
    let lines = result.standardError.split(separator: "\n").map(String.init)
    #expect(files == [name + ".partial", name + ".partial.journal", "undisturbed.tar"])
    let claims = ArchiveClaims(of: ferry.file(name))

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
    // Nothing that was claimed comes twice.
    for layer in [0, 1] {
      #expect(images.moved(images.layers[layer]) == LargeImages.sizes[layer] - claims[images.layers[layer]])
    }
  }

  @Test func `is interrupted though nothing moves, and has noted all that came`() throws {
    // The byte with which 3.0 MiB become 3.1.
    let count = 3_198_157
    for layer in [0, 1] {
      images.gateway.add(.always(.stallAnswer(after: count), on: .pulledBlob.naming(images.layers[layer])))
    }
    let arguments = images.export(["one", "two"], to: "a.tar")
    let running = try ferry.command(arguments, terminal: true).start()
    #expect(
      running.waitForError { $0.contains("] 3.1 MiB of 40.0 MiB") && $0.contains("] 3.1 MiB of 30.0 MiB") })
    running.signal(SIGINT)
    #expect(try #require(running.waitForEnd()).status == 130)
    // It waited neither for the gateway, which still holds the line, nor for its own limit of an hour.
    #expect(images.gateway.waitUntilIdle())
    images.gateway.clearFaults()
    images.gateway.resetCounts()
    try ferry.run(arguments, exits: 0)
    for layer in [0, 1] {
      #expect(images.moved(images.layers[layer]) == LargeImages.sizes[layer] - count)
    }
  }

  @Test func `ends at once by a second signal, and can still be gone on with`() throws {
    let arguments = images.export(["one", "two"], to: "a.tar")
    let running = try images.startHeld(ferry, arguments, at: [0: 24 << 20, 1: 24 << 20])
    running.signal(SIGTERM)
    running.signal(SIGTERM)
    #expect(try #require(running.waitForEnd()).status == 130)
    images.gateway.clearFaults()
    try ferry.run(arguments, exits: 0).complains("continuing with")
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `fetches a blob that was damaged again, from its last good checkpoint and alone`() throws {
    let undisturbed = try undisturbed(["one", "two"])
    let arguments = images.export(["one", "two"], to: "a.tar")
    try images.interrupt(ferry, arguments, at: [0: 30 << 20], whole: [1, 3, 4, 5])
    let path = ferry.file("a.tar.partial")
    let whole = try Data(contentsOf: URL(fileURLWithPath: undisturbed))
    // The largest layer lies somewhere: a byte before its first checkpoint.
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
    #expect([1, 3, 4, 5].allSatisfy { images.moved(images.layers[$0]) == 0 })
  }

  @Test func `into a directory that goes away fails by name, and leaves nothing that looks whole`() throws {
    try FileManager.default.createDirectory(atPath: ferry.file("out"), withIntermediateDirectories: true)
    let arguments = images.export(["one"], to: "out/a.tar")
    let running = try images.startHeld(ferry, arguments, archive: "out/a.tar", at: [0: 24 << 20])
    try FileManager.default.removeItem(atPath: ferry.file("out"))
    images.gateway.clearFaults()
    let result = try #require(running.waitForEnd())
    #expect(result.status == 16)
    result.complains("out/a.tar", "No such file")
    #expect(files == [])
  }

  private func content(of layer: Int) throws -> [UInt8] {
    try #require(images.registry.storage.bytes(of: images.layers[layer]))
  }

  @Test func `says which tags moved, and keeps every byte still wanted`() throws {
    let arguments = images.export(["one", "two"], to: "a.tar")
    let result = try images.interrupt(
      ferry, arguments, at: [0: 30 << 20], whole: [1, 3, 4, 5], by: SIGINT)
    #expect(result.status == 130)
    let claims = ArchiveClaims(of: ferry.file("a.tar"))
    // Its layers come after others now, and there is one more.
    try images.push([4, 2, 1, 5], as: "two")
    let second = try ferry.run(arguments, exits: 0)
    second.complains("big/app:two has moved since the last run", "change their place")
    #expect(images.moved(images.layers[0]) == LargeImages.sizes[0] - claims[images.layers[0]])
    #expect(images.moved(images.layers[2]) == LargeImages.sizes[2])
    #expect([1, 3, 4, 5].allSatisfy { images.moved(images.layers[$0]) == 0 })
    try ferry.run(images.export(["one", "two"], to: "fresh.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("fresh.tar")))
  }

  @Test func `of other images is refused, and thrown away with --force`() throws {
    try images.interrupt(ferry, images.export(["one"], to: "a.tar"), at: [0: 24 << 20])
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
    try images.interrupt(ferry, arguments, at: [0: 24 << 20])
    let path = ferry.file("a.tar.partial.journal")
    let text = try String(contentsOfFile: path, encoding: .utf8)
    switch journal {
    case "nothing": try FileManager.default.removeItem(atPath: path)
    case "nonsense": try "nonsense\n\(text)".write(toFile: path, atomically: true, encoding: .utf8)
    default: try (text + #"{"blob":"sha256:"#).write(toFile: path, atomically: true, encoding: .utf8)
    }
    if journal == "a torn line" {
      try ferry.run(arguments, exits: 0).complains("continuing with")
    } else {
      // What no journal speaks for may be anybody's.
      try ferry.run(arguments, exits: 15).complains("a.tar.partial")
      #expect(FileManager.default.fileExists(atPath: ferry.file("a.tar.partial")))
      if journal == "nonsense" {
        try ferry.run(arguments + ["--force"], exits: 15).complains("a.tar.partial.journal")
        try FileManager.default.removeItem(atPath: path)
      }
      let result = try ferry.run(arguments + ["--force"], exits: 0)
      #expect(!result.standardError.contains("continuing with"))
    }
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `ends right though the first run was given wrong bytes`() throws {
    let undisturbed = try undisturbed(["one"])
    images.gateway.add(
      GatewayFault(.corruptAnswer(at: 1 << 20), on: .pulledBlob.naming(images.layers[0])))
    let arguments = images.export(["one"], to: "a.tar")
    try images.interrupt(ferry, arguments, at: [0: 30 << 20])
    let claims = ArchiveClaims(of: ferry.file("a.tar"))
    try ferry.run(arguments, exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), undisturbed))
    // What was there is found wrong at the end, and the whole comes once more.
    #expect(images.moved(images.layers[0]) == 2 * LargeImages.sizes[0] - claims[images.layers[0]])
  }

  @Test(arguments: [GatewayFault.Effect.ignoreRange, .misdeclareRange(by: 7), .misplaceRange(by: 7)])
  func `ends right though the registry does not keep to ranges`(effect: GatewayFault.Effect) throws {
    let undisturbed = try undisturbed(["one"])
    try images.interrupt(ferry, images.export(["one"], to: "a.tar"), at: [0: 30 << 20])
    images.gateway.add(.always(effect, on: .pulledBlob))
    try ferry.run(images.export(["one"], to: "a.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), undisturbed))
  }
}
