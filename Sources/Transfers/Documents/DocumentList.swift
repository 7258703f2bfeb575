import FoundationEssentials
import Synchronization

/// A list in one of Ferry's documents. Its elements are made when they are written, and a few at a time: what a document
/// says of hundreds of thousands of layers is never in memory at once, nor is its text. Every list in a report is one.
public struct DocumentList<Element: Codable & Sendable>: Codable, Sendable {
  public let count: Int
  private let element: @Sendable (Int) throws -> Element

  /// An element for each of `source`, made anew whenever it is asked for.
  public init<Source: RandomAccessCollection & Sendable>(
    _ source: Source, _ element: @escaping @Sendable (Source.Element) -> Element
  ) where Source.Index == Int {
    self.init(count: source.count) { element(source[source.startIndex + $0]) }
  }

  public init(_ elements: [Element]) { self.init(elements) { $0 } }

  /// Makes them all. Throws for a document in a file what reading them throws.
  public var elements: [Element] { get throws { try (0..<count).map(element) } }

  /// In a document that ``DocumentReading`` reads an element is read when it is asked for.
  public init(from decoder: any Decoder) throws {
    let reading = decoder.userInfo.handed(DocumentReading.self)
    if let reading, let list = reading.list(of: decoder) {
      self.init(count: list.count) { try reading.element($0, of: list) }
    } else {
      self.init(try [Element](from: decoder))
    }
  }

  private init(count: Int, _ element: @escaping @Sendable (Int) throws -> Element) {
    self.count = count
    self.element = element
  }

  /// So many elements are written with what is around them: tens of thousands of images have one manifest each, and to begin
  /// a text for each would take longer than all that it says.
  private static var mostAtOnce: Int { 4 }

  /// To ``DocumentText`` it gives itself, to be written later, unless it is short; to any other encoder its elements.
  public func encode(to encoder: any Encoder) throws {
    guard count > Self.mostAtOnce, let lists = encoder.userInfo.handed(PostponedLists.self) else {
      var container = encoder.unkeyedContainer()
      for index in 0..<count { try container.encode(element(index)) }
      return
    }
    var container = encoder.singleValueContainer()
    try container.encode(lists.postpone(count) { try $0.encode($1.map(element)) })
  }
}

/// The lists of a text that are yet to be written, each with a mark in its place.
final class PostponedLists: Sendable {
  struct List: Sendable {
    let count: Int
    /// A JSON list of the elements of a range.
    let text: @Sendable (JSONEncoder, Range<Int>) throws -> Data
  }

  private let lists = Mutex<[List]>([])

  /// Returns what is written in the list's place.
  func postpone(
    _ count: Int, _ text: @escaping @Sendable (JSONEncoder, Range<Int>) throws -> Data
  ) -> String {
    lists.withLock {
      $0.append(List(count: count, text: text))
      return ListMark.text(of: $0.count - 1)
    }
  }

  /// The list whose mark ends a `line`; nil when none does.
  func list(markedIn line: ArraySlice<UInt8>) -> List? {
    guard let index = ListMark.index(in: line) else { return nil }
    return lists.withLock { $0.indices.contains(index) ? $0[index] : nil }
  }
}

/// What stands for a list in a text that has not got it: a string that nobody can write who has not seen this process's
/// memory, always of the same length.
enum ListMark {
  private static let secret = (0..<4).map { _ in digits(UInt32.random(in: 0...UInt32.max)) }.joined()
  private static let beginning = Array("\"\(secret)".utf8)
  /// With its quotation marks, in bytes.
  static let count = beginning.count + 9

  private static func digits(_ number: UInt32) -> String {
    let hex = String(number, radix: 16)
    return String(repeating: "0", count: 8 - hex.count) + hex
  }

  static func text(of index: Int) -> String { secret + digits(UInt32(index)) }

  /// The index in the mark that ends a `line`, before a comma or not.
  static func index(in line: ArraySlice<UInt8>) -> Int? {
    let mark = (line.last == UInt8(ascii: ",") ? line.dropLast() : line).suffix(count)
    guard mark.count == count, mark.starts(with: beginning) else { return nil }
    return Int(String(decoding: mark.dropFirst(beginning.count).dropLast(), as: UTF8.self), radix: 16)
  }

  /// The index that a string has been given; nil where it is no mark.
  static func index(of text: String) -> Int? { index(in: Array("\"\(text)\"".utf8)[...]) }
}

extension [CodingUserInfoKey: any Sendable] {
  /// What a coder hands on to the lists in a document.
  init(handing value: some Sendable) {
    self = CodingUserInfoKey(rawValue: "ferry.document").map { [$0: value] } ?? [:]
  }
}

extension [CodingUserInfoKey: Any] {
  fileprivate func handed<Handed>(_ type: Handed.Type) -> Handed? {
    values.lazy.compactMap { $0 as? Handed }.first
  }
}
