import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Transfers

struct `A receipt` {
  private let directory = TemporaryDirectory()

  private func receipt() throws -> Receipt {
    let blobs = [
      Descriptor(mediaType: .ociManifest, digest: Digest(of: [1]), size: 10),
      Descriptor(mediaType: .ociConfig, digest: Digest(of: [2]), size: 20),
    ]
    return Receipt(
      ferry: "1.2.3", destination: "new.example/team",
      archives: [.init(name: "a.tar", digest: Digest(of: []))],
      started: Date(timeIntervalSince1970: 1_795_456_600),
      finished: Date(timeIntervalSince1970: 1_795_456_700),
      images: [
        ReceivedImage(
          source: "old.example/app:1", target: try Reference("new.example/team/app:1"),
          digest: Digest(of: [1]), givenDigest: Digest(of: [3]), size: 30,
          confirmedAt: Date(timeIntervalSince1970: 1_795_456_650), blobs: blobs)
      ])
  }

  @Test func `is read as it was written`() throws {
    let path = directory.file("r.json")
    try receipt().write(path: path)
    #expect(try Receipt.read(path: path) == receipt())
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(#""schema" : "ferry/receipt/v1""#) && text.contains("2026-11-23T"))
    // Over what was there, and nothing beside it.
    try receipt().write(path: path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["r.json"])
  }

  /// One edit each to a good receipt: what it replaces, and what with.
  static let contradictions = [
    (#""size" : 10"#, #""size" : -10"#), (#""size" : 10"#, #""size" : 11"#),
    (#""size" : 10"#, #""size" : 9223372036854775807"#), (#""size" : 10"#, #""size" : "10""#),
    ("new.example/team/app:1", "no reference"), ("new.example/team/app:1", "../../etc"),
    ("2026-11-23T17:57:30Z", "2026-11-23 17:57:30"), ("2026-11-23T17:57:30Z", "2026-11-31T17:57:30Z"),
    ("2026-11-23T17:57:30Z", "2026-11-23T17:57:30+02:00"), (#""confirmedAt""#, #""confirmed""#),
    ("\(Digest(of: [2]))", "\(Digest(of: [1]))"), ("\(Digest(of: [2]))", "md5:abc"),
    (#""images" : ["#, #""images" : [null,"#), (#""archives" : ["#, #""archives" : [7,"#), ("{", "[{"),
  ]

  @Test(arguments: contradictions) func `that contradicts itself is none`(good: String, bad: String) throws {
    let path = directory.file("r.json")
    try receipt().write(path: path)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let range = try #require(text.range(of: good))
    directory.write(text.replacingCharacters(in: range, with: bad), to: "r.json")
    let error = #expect(throws: TransferError.self) { try Receipt.read(path: path) }
    guard case .malformedReceipt(path, .document(let fault)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(fault.jsonFault != .other)
  }

  @Test func `that lists an image without its own manifest, or that as empty, is none`() throws {
    let one = try receipt()
    let image = one.images[0]
    let empty = Descriptor(mediaType: .ociManifest, digest: image.digest, size: 0)
    let config = image.blobs[1]
    let nothing = Descriptor(mediaType: .ociLayer, digest: Digest(of: []), size: 0)
    for (blobs, isSound) in [
      ([], false), ([config], false), ([empty], false), ([empty, config], false),
      (image.blobs + [nothing], true),
    ] {
      // Also of what was changed on the way.
      for archiveDigest in [nil, Digest(of: [9])] {
        let path = directory.file("r\(blobs.count)-\(archiveDigest == nil).json")
        try? FileManager.default.removeItem(atPath: path)
        let listed = ReceivedImage(
          source: image.source, target: image.target, digest: image.digest, archiveDigest: archiveDigest,
          size: blobs.map(\.size).saturatingSum(), confirmedAt: image.confirmedAt, blobs: blobs)
        try Receipt(
          ferry: one.ferry, destination: one.destination, archives: one.archives, started: one.started,
          finished: one.finished, images: [listed]
        ).write(path: path)
        #expect(((try? Receipt.read(path: path)) != nil) == isSound, "\(blobs)")
      }
    }
  }

  @Test func `that gives one blob two sizes is none`() throws {
    let one = try receipt()
    let image = one.images[0]
    let other = ReceivedImage(
      source: "old.example/app:2", target: image.target, digest: image.digest, size: 11,
      confirmedAt: image.confirmedAt,
      blobs: [Descriptor(mediaType: .ociManifest, digest: image.digest, size: 11)])
    let path = directory.file("r.json")
    try Receipt(
      ferry: one.ferry, destination: one.destination, archives: one.archives, started: one.started,
      finished: one.finished, images: [image, other]
    ).write(path: path)
    #expect(throws: TransferError.self) { try Receipt.read(path: path) }
  }

  @Test(arguments: [
    ("ferry/receipt/v2", "2"), ("ferry/receipt/v", ""), ("ferry/receipt/v01", "01"),
  ])
  func `of another version says which`(schema: String, version: String) throws {
    let path = directory.write(#"{"schema":"\#(schema)"}"#, to: "r.json")
    let error = #expect(throws: TransferError.self) { try Receipt.read(path: path) }
    guard case .unsupportedReceipt(path, version) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [
    "", "null", "[]", "{}", "not JSON", #"{"schema":7}"#, #"{"schema":"ferry/import-report/v1"}"#,
    String(repeating: "[", count: 100_000),
  ])
  func `is no other file`(text: String) throws {
    let path = directory.write(text, to: "r.json")
    #expect(throws: TransferError.self) { try Receipt.read(path: path) }
  }

  @Test func `changed at random is read or refused, and never worse`() throws {
    let path = directory.file("r.json")
    try receipt().write(path: path)
    let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var generator = SeededGenerator(seed: 19)
    for _ in 0..<2000 {
      let bytes = generator.mutate(good)
      directory.write(bytes, to: "r.json")
      let read = try? Receipt.read(path: path)
      // In pieces as at once.
      let whole = try? DocumentShape.anything.decode(ReceiptHead.self, from: bytes)
      let isReceipt = whole?.schema == "ferry/receipt/v1"
      let images = isReceipt ? try whole?.images.elements : nil
      #expect(read?.images == images, "\(String(decoding: bytes, as: UTF8.self))")
      for image in read?.images ?? [] {
        #expect(image.size == image.blobs.map(\.size).saturatingSum())
        #expect(image.blobs.contains { $0.digest == image.digest })
      }
    }
  }

  @Test func `that cannot be written is known beforehand`() throws {
    #expect(throws: FileError.self) { try Receipt.checkWritable(path: directory.file("no/r.json")) }
    #expect(throws: FileError.self) { try Receipt.checkWritable(path: directory.path) }
    try Receipt.checkWritable(path: directory.file("r.json"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
  }

  /// What an encoder makes of a receipt at once.
  private struct Whole: Encodable {
    let schema = "ferry/receipt/v1"
    let ferry, destination: String
    let archives: [Receipt.Archive]
    let started, finished: ReceiptTime
    let images: [ReceivedImage]
  }

  @Test(arguments: 0..<4) func `is written image by image as it would be at once`(count: Int) throws {
    let one = try receipt()
    let images = (0..<count).map { number in
      ReceivedImage(
        source: "a \"images\" : [\n] \(number)", target: one.images[0].target, digest: one.images[0].digest,
        archiveDigest: number == 1 ? Digest(of: [9]) : nil, size: 30,
        confirmedAt: one.images[0].confirmedAt, blobs: one.images[0].blobs)
    }
    let path = directory.file("r.json")
    try Receipt(
      ferry: one.ferry, destination: one.destination, archives: one.archives, started: one.started,
      finished: one.finished, images: images
    ).write(path: path)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let whole = Whole(
      ferry: one.ferry, destination: one.destination, archives: one.archives,
      started: ReceiptTime(one.started), finished: ReceiptTime(one.finished), images: images)
    let expected = try encoder.encode(whole) + Data("\n".utf8)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == expected)
    #expect(try Receipt.read(path: path).images == images)
    try Receipt.checkWritable(path: path)
    // With a space more it is somebody's own.
    directory.write([UInt8](expected) + [UInt8(ascii: " ")], to: "r.json")
    #expect(throws: FileError.self) { try Receipt.checkWritable(path: path) }
  }

  /// Documents that a decoder would make a hundred times their length of.
  static let crowded = ["images", "archives", "more"]

  @Test(arguments: crowded) func `of many tiny values is refused before they are decoded`(key: String) throws
  {
    let values = String(repeating: "[],", count: 300_000) + "[]"
    let path = directory.write(
      #"{"schema":"ferry/receipt/v1","\#(key)":[{"more":[\#(values)]}]}"#, to: "r.json")
    let error = #expect(throws: TransferError.self) { try Receipt.read(path: path) }
    guard case .malformedReceipt(path, .tooLarge) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
