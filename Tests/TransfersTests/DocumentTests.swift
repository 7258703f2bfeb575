import Files
import Foundation
import TestSupport
import Testing
@testable import Transfers

struct `A document` {
  private struct Leaf: Codable, Sendable {
    let name: String
    let marks: DocumentList<String>
    let leaves: DocumentList<Leaf>?
  }

  private struct Tree: Codable, Sendable {
    let schema: String
    let leaves: DocumentList<Leaf>
    let none: DocumentList<Leaf>
    let numbers: DocumentList<Int>?
    let title: String
  }

  /// The same in memory.
  private struct PlainLeaf: Encodable {
    let name: String
    let marks: [String]
    let leaves: [PlainLeaf]?

    var listed: Leaf {
      Leaf(
        name: name, marks: DocumentList(marks),
        leaves: leaves.map { leaves in DocumentList(leaves.map(\.listed)) })
    }
  }

  private struct PlainTree: Encodable {
    let schema: String
    let leaves: [PlainLeaf]
    let none: [PlainLeaf]
    let numbers: [Int]?
    let title: String

    var text: [UInt8] {
      get throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self)) + [UInt8(ascii: "\n")]
      }
    }

    var listed: Tree {
      Tree(
        schema: schema, leaves: DocumentList(leaves.map(\.listed)), none: DocumentList(none.map(\.listed)),
        numbers: numbers.map { DocumentList($0) }, title: title)
    }
  }

  private let directory = TemporaryDirectory()

  private static let words = [
    "", "[", "],", "a,", "{\n  ", "\"", "\\", "ä€😀", "\u{7F}\u{202E}", "\t", "a/b", "  ]", "\"[\n    \"",
  ]

  /// A tree of `count` leaves, some with many marks and leaves of their own.
  private static func tree(_ count: Int) -> PlainTree {
    func word(_ number: Int) -> String { words[number % words.count] }
    let leaves = (0..<count).map { number in
      PlainLeaf(
        name: word(number), marks: (0..<(number % 70)).map(word),
        leaves: number % 3 == 0
          ? nil : (0..<(number % 5)).map { PlainLeaf(name: word($0), marks: [word($0)], leaves: []) })
    }
    return PlainTree(
      schema: "s/v1", leaves: leaves, none: [], numbers: count % 2 == 0 ? nil : Array(0..<count),
      title: word(count))
  }

  private func text(_ tree: Tree) throws -> [UInt8] {
    var text: [UInt8] = []
    try DocumentText.write(tree) { text += $0 }
    return text
  }

  /// Whether a file of `bytes` is taken for a document; what a reading of all at once says has to be the same.
  private func isDocument(_ bytes: [UInt8]) throws -> Bool {
    directory.write(bytes, to: "d.json")
    let file = try DataFile.open(reading: directory.file("d.json"))
    let isTree = try? FerryDocument.holds(file) {
      try DocumentText.write(try FerryDocument.read(Tree.self, from: file), to: $0)
    }
    let whole = try? JSONDecoder().decode(Tree.self, from: Data(bytes))
    let isWhole = try whole.map { try text($0) == bytes }
    #expect((isTree ?? false) == (isWhole ?? false), "\(String(decoding: bytes, as: UTF8.self))")
    return isTree ?? false
  }

  @Test(arguments: [0, 1, 2, 63, 64, 65, 128, 500])
  func `has the text that it has when it is encoded at once`(count: Int) throws {
    let tree = Self.tree(count)
    #expect(try text(tree.listed) == tree.text)
  }

  @Test func `comes in pieces of whole lines, none of them large`() throws {
    let tree = Self.tree(5000)
    var pieces: [[UInt8]] = []
    try DocumentText.write(tree.listed) { pieces.append($0) }
    #expect(try pieces.flatMap(\.self) == tree.text)
    #expect(pieces.count > 10)
    #expect(pieces.allSatisfy { $0.last == UInt8(ascii: "\n") && $0.count < 65 << 10 })
  }

  @Test(arguments: [0, 1, 64, 200])
  func `is known in its file`(count: Int) throws { #expect(try isDocument(try Self.tree(count).text)) }

  @Test func `is not what anything was added to, left out of or written otherwise in`() throws {
    let text = try Self.tree(20).text
    let whole = String(decoding: text, as: UTF8.self)
    let others = [
      whole + "\n", whole + "note", " " + whole, String(whole.dropLast()), whole + whole, "",
      whole.replacingOccurrences(of: "\"none\"", with: "\"mine\" : [\n    1\n  ],\n  \"none\""),
      whole.replacingOccurrences(of: "\n", with: ""), whole.replacingOccurrences(of: "    ", with: "\t"),
      whole.replacingOccurrences(of: "[\n\n  ]", with: "[]"), "[\n" + whole + "]\n", "{", "[\n",
    ]
    for other in others { #expect(try !isDocument(Array(other.utf8))) }
  }

  @Test func `is not what a part of it is damaged in`() throws {
    let text = try Self.tree(12).text
    var generator = SeededGenerator(seed: 41)
    for _ in 0..<1000 { _ = try isDocument(generator.mutate(text)) }
  }
}
