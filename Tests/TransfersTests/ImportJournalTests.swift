import Digests
import Files
import Foundation
import Registry
import TestSupport
import Testing
import Transport
@testable import Transfers

@Suite struct `An import's journal` {
  let directory = TemporaryDirectory()
  let key = UploadRecord.Key(registry: "r:5000", repository: "a/b", digest: Digest(of: [1]))
  let other = UploadRecord.Key(registry: "r:5000", repository: "a/c", digest: Digest(of: [1]))

  private var path: String { directory.file("journal") }

  private func upload(_ offset: Int64) throws -> OpenUpload {
    OpenUpload(location: try HTTPURL("https://r:5000/v2/u?_state=s%2F\(offset)"), offset: offset)
  }

  @Test func `gives the next run what was open, and where it had come`() throws {
    do {
      let journal = try ImportJournal.open(at: path)
      journal.note(try upload(0), of: key)
      journal.note(try upload(7), of: key)
      journal.note(try upload(5), of: other)
      journal.close(other)
      journal.finish()
    }
    let journal = try ImportJournal.open(at: path)
    #expect(journal.earlier(key) == (try upload(7)))
    #expect(journal.earlier(other) == nil)
    journal.close(key)
    journal.finish()
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `is for its owner alone`() throws {
    let journal = try ImportJournal.open(at: path)
    journal.note(try upload(1), of: key)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func `is not shared`() throws {
    let journal = try ImportJournal.open(at: path)
    #expect(throws: (any Error).self) { try ImportJournal.open(at: path) }
    journal.finish()
  }

  @Test func `may end anywhere`() throws {
    let records = try [0, 16, 32, 48].map {
      UploadRecord(key, location: try upload($0).location.full, offset: $0)
    }
    let bytes = ImportJournal.header + records.flatMap(\.line)
    var ends = [ImportJournal.header.count]
    for record in records { ends.append((ends.last ?? 0) + record.line.count) }
    for count in ImportJournal.header.count...bytes.count {
      let whole = ends.lastIndex { $0 <= count } ?? 0
      let prefix = Array(bytes[..<count])
      #expect(UploadRecord.records(in: prefix) == Array(records[..<whole]))
      #expect(UploadRecord.open(after: UploadRecord.records(in: prefix))[key] == records[..<whole].last)
      guard count % 97 == 0 else { continue }
      // What comes after a torn line is not torn with it.
      directory.write(prefix, to: "torn")
      do {
        let journal = try ImportJournal.open(at: directory.file("torn"))
        journal.note(try upload(99), of: other)
      }
      let journal = try ImportJournal.open(at: directory.file("torn"))
      #expect(journal.earlier(other)?.offset == 99)
      #expect(journal.earlier(key)?.offset == records[..<whole].last?.offset)
    }
  }

  private func isTaken(_ content: String) -> Bool {
    directory.write(Array(content.utf8), to: "candidate")
    let isTaken = (try? ImportJournal.check(at: directory.file("candidate"))) != nil
    if !isTaken {
      #expect(throws: FileError.foreign(path: directory.file("candidate"), .content)) {
        try ImportJournal.open(at: directory.file("candidate"), isNamed: true)
      }
      #expect(FileManager.default.contents(atPath: directory.file("candidate")) == Data(content.utf8))
    }
    return isTaken
  }

  @Test func `of a version that knew no header is one of whole records alone`() throws {
    let line = String(
      decoding: UploadRecord(key, location: "https://r:5000/u", offset: 3).line, as: UTF8.self)
    let closed = String(decoding: UploadRecord(key).line, as: UTF8.self)
    for content in ["", line, line + closed, String(line.dropLast()), line + line.dropLast(20), line + "{"] {
      #expect(isTaken(content), "\(content)")
    }
    for content in [
      #"{"digest":""#, #"{"digest":"a","secret":"key"},{"digest":"b"}]"#, String(line.dropLast(2)), closed,
      #"{"digest":"\#(key.digest)","mediaType":"x","size":5,"note":"my only copy"} "#,
      line + #"{"digest":"my notes "#, line + #"{"digest":"\#(key.digest)","note":"#, "\n", line + "\n",
      line.replacing("}", with: #","note":"mine"}"#), line + "\0", " " + line,
    ] {
      #expect(!isTaken(content), "\(content)")
    }
  }

  /// What a power cut may leave of it, under a name that is Ferry's own.
  @Test func `may be the beginning of its header, or zeros, unless the user named it`() throws {
    let header = String(decoding: ImportJournal.header, as: UTF8.self)
    for content in ["{", String(header.prefix(20)), String(header.dropLast()), "\0\0\0\0"] {
      #expect(!isTaken(content), "\(content)")
      let path = directory.file("candidate")
      #expect(throws: FileError.foreign(path: path, .content)) {
        try ImportJournal.open(at: path, isNamed: true)
      }
      do { try ImportJournal.open(at: path).note(upload(5), of: key) }
      #expect(try ImportJournal.open(at: path).earlier(key)?.offset == 5)
    }
    for content in ["{ my notes", "\0\0 my notes"] {
      directory.write(Array(content.utf8), to: "candidate")
      #expect(throws: FileError.self) { try ImportJournal.open(at: directory.file("candidate")) }
    }
  }

  @Test func `has nothing behind its header but records, the last of which may be torn`() throws {
    let header = String(decoding: ImportJournal.header, as: UTF8.self)
    let line = String(
      decoding: UploadRecord(key, location: "https://r:5000/u", offset: 3).line, as: UTF8.self)
    let closed = String(decoding: UploadRecord(key).line, as: UTF8.self)
    for whole in [line, closed] {
      for count in 0...whole.utf8.count {
        #expect(isTaken(header + closed + whole.prefix(count)), "\(whole.prefix(count))")
        // A power cut may leave what was never written as so many zeros.
        if count < whole.utf8.count { #expect(isTaken(header + whole.prefix(count) + "\0\0\0")) }
      }
    }
    for content in [
      #"{"digest":"my notes my notes"#, #"{"digest":"sha256:my other lines, \u{FFFD}"#,
      #"{"digest":"sha256:00my"#, line.replacing("}", with: #","note":"keep"}"#), closed + "notes\n",
      closed.replacing("registry", with: "note"), String(closed.dropLast(2)) + #","note":"keep"#,
      String(closed.dropLast()) + " ", " " + closed, #"{"digest":"\#(key.digest)","location":"my own note"#,
      line.dropLast() + "notes", "\0notes", "\n",
    ] {
      #expect(!isTaken(header + content), "\(content)")
    }
  }

  @Test func `passes over what it does not know`() throws {
    let good = UploadRecord(key, location: "https://r:5000/u", offset: 3).line
    let lines = [
      "{}", "null", "[1]", "\u{0}", #"{"registry":"r","repository":"a","digest":"md5:1"}"#,
      #"{"registry":"r:5000","repository":"a/b","digest":"\#(key.digest)","location":"x","offset":-1}"#,
      #"{"future":1}"#, String(repeating: "x", count: 100_000), String(repeating: "[", count: 50_000),
    ]
    for line in lines {
      #expect(UploadRecord.records(in: Array(line.utf8) + [10] + good).count == 1)
    }
    var random = SeededGenerator(seed: 5)
    for _ in 0..<300 { _ = UploadRecord.records(in: random.mutate(good + good + good)) }
  }

  @Test func `with a location that is none starts the blob again`() throws {
    directory.write(UploadRecord(key, location: "not a url", offset: 3).line, to: "journal")
    #expect(try ImportJournal.open(at: path).earlier(key) == nil)
  }

  @Test func `lies beside the archive, or in a directory of the user's`() {
    let place = JournalLocation.besideArchive(orIn: "/state/ferry")
    let paths = place.paths(archives: ["/nowhere/a.tar", "/b.tar"], shard: Shard("2/3"))
    #expect(paths.first == "/nowhere/a.tar.import-journal.2of3")
    #expect(paths.last?.hasPrefix("/state/ferry/a.tar-") == true)
    #expect(paths.last?.hasSuffix(".import-journal.2of3") == true)
    #expect(
      place.paths(archives: ["/other/a.tar"], shard: nil).last
        != place.paths(archives: ["/nowhere/a.tar"], shard: nil).last)
    #expect(place.paths(archives: ["layout/"], shard: nil).first == "layout.import-journal")
    #expect(JournalLocation.file("/j").paths(archives: ["a"], shard: nil) == ["/j"])
    #expect(place.paths(archives: [], shard: nil).isEmpty)
  }
}
