import Foundation
import TestSupport
import Testing

/// Exports into volumes that are killed, or have few descriptors.
@Suite(.waiting) struct `An export into volumes` {
  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).sorted() }
  }

  private func isWhole(_ name: String) throws -> Bool {
    var joined = Command("sh", ["-c", "cat \(name).0* | cmp - undisturbed.tar"])
    joined.directory = ferry.home.path
    return try joined.run().status == 0
  }

  private static let moments: [(stops: [Int: Int], whole: [Int])] = [
    ([0: 24 << 20, 1: 20 << 20], []), ([0: 36 << 20], [1, 3, 4, 5]),
  ]

  @Test(arguments: moments)
  func `goes on where it was killed, and ends as if undisturbed`(stops: [Int: Int], whole: [Int]) throws {
    try ferry.run(images.export(["one", "two"], to: "undisturbed.tar"), exits: 0)
    let arguments = images.export(["one", "two"], to: "a.tar") + ["--volume-size", "7M"]
    try images.interrupt(ferry, arguments, at: stops, whole: whole)
    let claims = ArchiveClaims(of: ferry.file("a.tar"))
    #expect(try names.contains("a.tar.001.partial"))
    #expect(try names.contains { $0.hasPrefix("a.tar") && !$0.contains(".partial") } == false)

    // Nobody is to mix it up with another.
    let one = images.export(["one", "two"], to: "a.tar")
    try ferry.run(one, exits: 15).complains("in volumes of 7340032 bytes", "--volume-size 7340032", "--force")
    try ferry.run(one + ["--volume-size", "8M"], exits: 15).complains("--volume-size 7340032")
    try ferry.run(arguments + ["--only-volume", "2"], exits: 15).complains("not finished")

    images.gateway.resetCounts()
    try ferry.run(arguments, exits: 0).complains("continuing with")
    #expect(try isWhole("a.tar"))
    for layer in [0, 1, 3, 4, 5] {
      #expect(images.moved(images.layers[layer]) == LargeImages.sizes[layer] - claims[images.layers[layer]])
    }
    #expect(try names.filter { $0.hasPrefix("a.tar") }.allSatisfy { !$0.contains("partial") })
  }

  @Test func `keeps what is wanted when a tag has moved`() throws {
    let arguments = images.export(["one", "two"], to: "a.tar") + ["--volume-size", "9M"]
    try images.interrupt(ferry, arguments, at: [0: 30 << 20], whole: [1, 3, 4, 5])
    let claims = ArchiveClaims(of: ferry.file("a.tar"))
    try images.push([4, 2, 1, 5], as: "two")
    try ferry.run(arguments, exits: 0).complains("has moved since the last run", "change their place")
    #expect(images.moved(images.layers[0]) == LargeImages.sizes[0] - claims[images.layers[0]])
    #expect([1, 3, 4, 5].allSatisfy { images.moved(images.layers[$0]) == 0 })
    try ferry.run(images.export(["one", "two"], to: "undisturbed.tar"), exits: 0)
    #expect(try isWhole("a.tar"))
  }

  @Test func `begun otherwise is begun anew with --force, and nothing of it stays`() throws {
    let one = images.export(["one"], to: "a.tar")
    try images.interrupt(ferry, one + ["--volume-size", "7M"], at: [0: 24 << 20])
    try ferry.run(one + ["--force"], exits: 0)
    #expect(try names == ["a.tar"])
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `needs few descriptors for more than a thousand volumes`() throws {
    try ferry.run(images.export(["one", "two"], to: "undisturbed.tar"), exits: 0)
    let arguments = images.export(["one", "two"], to: "a.tar") + ["--volume-size", "64K"]
    var few = Command(
      "sh", ["-c", #"ulimit -n 110; exec "$@""#, "sh", ferry.executable] + arguments,
      environment: ["HOME": ferry.home.path])
    few.directory = ferry.home.path
    #expect(try few.run().status == 0)
    let size = try FileManager.default.attributesOfItem(atPath: ferry.file("undisturbed.tar"))[.size] as? Int
    let last = (try #require(size) - 1) / 65_536 + 1
    #expect(try names.contains("a.tar.\(last)") && !names.contains("a.tar.\(last + 1)"))
    #expect(try names.contains("a.tar.0001"))
    var joined = Command("sh", ["-c", "cat a.tar.* | cmp - undisturbed.tar"])
    joined.directory = ferry.home.path
    #expect(try joined.run().status == 0)
    few.arguments = ["-c", #"ulimit -n 110; exec "$@""#, "sh", ferry.executable, "verify", "a.tar.0900"]
    #expect(try few.run().status == 0)
  }
}
