import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

@Suite struct `What an export that was broken off left` {
  let directory = TemporaryDirectory()
  let image: TestImage

  init() throws {
    image = try TestImage("old.example/team/app:1.0", layers: [TestImage.Layer("a", size: 5000)])
  }

  /// Begins to write an archive and goes away.
  private func begin(volumeSize: Int64? = nil) throws {
    let place = ArchivePlace(directory.file("a.tar"), volumeSize: volumeSize)
    _ = try ArchiveWriter.open(plan: ArchivePlan([image]), to: place, replacing: false, earlier: .kept)
  }

  private func open(_ name: String) throws -> Layout {
    try Layout.open(try #require(try ArchiveInput.group([directory.file(name)]).first))
  }

  @Test func `is told by its name, by a link to it, and by the name that it is to have`() throws {
    try begin()
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("link.tar"), withDestinationPath: "a.tar.partial")
    for (name, told) in [
      ("a.tar.partial", "a.tar.partial"), ("link.tar", "link.tar"), ("a.tar", "a.tar.partial"),
    ] {
      #expect(
        throws: LayoutError.unfinished(path: directory.file(told), images: ["old.example/team/app:1.0"])
      ) {
        try open(name)
      }
    }
    // The journal is no archive, but what it speaks of may be without one.
    try FileManager.default.removeItem(atPath: directory.file("a.tar.partial.journal"))
    #expect(throws: LayoutError.unfinished(path: directory.file("a.tar.partial"), images: [])) {
      try open("a.tar.partial")
    }
  }

  @Test func `may be volumes`() throws {
    try begin(volumeSize: 3000)
    for name in ["a.tar.001.partial", "a.tar"] {
      let path = directory.file("a.tar.001.partial")
      #expect(throws: LayoutError.unfinished(path: path, images: ["old.example/team/app:1.0"])) {
        try open(name)
      }
    }
  }

  @Test(arguments: [nil, 3000] as [Int64?])
  func `is not passed over in a directory`(volumeSize: Int64?) throws {
    try begin(volumeSize: volumeSize)
    try TestArchive.write([image], to: directory.file("b.tar"))
    let inputs = try ArchiveInput.group([directory.path])
    #expect(inputs.count == 2)
    #expect(throws: LayoutError.self) { try inputs.map { try Layout.open($0) } }
  }
}
