import Foundation
import TestSupport
import Testing

/// `--keep-going` and one archive for all.
@Suite(.waiting) struct `An export that keeps going` {
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
