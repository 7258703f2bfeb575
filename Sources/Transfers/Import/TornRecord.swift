import Digests

/// The last line of a journal, which a crash may have cut anywhere, read as far as it goes. What is there must be how a
/// ``UploadRecord`` begins, field by field: a journal is emptied from that line on, and a line of somebody else's must
/// not be taken for a torn one.
struct TornRecord {
  private var rest: ArraySlice<UInt8>
  private static let quote = UInt8(ascii: "\"")

  static func isBeginning(_ line: ArraySlice<UInt8>) -> Bool {
    var torn = TornRecord(rest: line)
    return torn.isRecord() && torn.rest.isEmpty
  }

  private mutating func isRecord() -> Bool {
    guard take(#"{"digest":""#), takeDigest(), take(#"",""#) else { return false }
    if rest.first == UInt8(ascii: "l") {
      guard take(#"location":""#), takeText(), take(#"","offset":"#), takeNumber(), take(#",""#) else {
        return false
      }
    }
    return take(#"registry":""#) && takeText() && take(#"","repository":""#) && takeText() && take(#""}"#)
  }

  /// Passes over `text`, or as much of it as there is.
  private mutating func take(_ text: String) -> Bool {
    let there = rest.prefix(text.utf8.count)
    rest = rest.dropFirst(there.count)
    return there.elementsEqual(text.utf8.prefix(there.count))
  }

  private mutating func takeDigest() -> Bool {
    let there = rest.prefix { $0 != Self.quote }
    rest = rest.dropFirst(there.count)
    let text = String(decoding: there, as: UTF8.self)
    // What is cut is one where some digits behind it would make it one.
    let form = "\(Digest(of: []))"
    let isCut = rest.isEmpty && there.count < form.utf8.count
    return (try? Digest(isCut ? text + form.dropFirst(there.count) : text)) != nil
  }

  /// Passes over an address or a name: none has a blank or what JSON would escape.
  private mutating func takeText() -> Bool {
    let there = rest.prefix { (0x21...0x7E).contains($0) && $0 != Self.quote && $0 != UInt8(ascii: "\\") }
    rest = rest.dropFirst(there.count)
    return rest.isEmpty || !there.isEmpty
  }

  private mutating func takeNumber() -> Bool {
    let there = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    rest = rest.dropFirst(there.count)
    return there.count < 20 && (rest.isEmpty || !there.isEmpty)
  }
}
