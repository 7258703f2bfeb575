/// Sees that a JSON document says one thing to all its readers.
///
/// JSON lets a key occur twice in one object, and readers differ in which they take: Go's takes the last, and takes
/// `Layers` for `layers` as well. So a document could be proved by one program and mean something else to the
/// next, with the right digest. Read here byte by byte, without recursion: how deep a document nests is up to
/// whoever wrote it, and so are the number of its values, for each of which a decoder keeps many times the bytes that it
/// has here, and the length of its texts. Time grows with the document's length; of its memory only the keys of open objects are kept.
struct DocumentScan {
  /// An object or list whose end has not come.
  private struct Open {
    let isObject: Bool
    let shape: DocumentShape
    /// Of an object, by their bytes in UTF-8: text that is canonically equivalent is two keys to other readers, and
    /// no key that Ferry reads is such.
    var keys: Set<[UInt8]> = []
    /// How the keys that a specification defines are spelled, by that specification's spelling.
    var spellings: [String: String] = [:]
    /// The last key, for the path.
    var key = ""
    /// How many members or elements have begun.
    var count = 0
  }

  /// Far beyond any document, and less than decoders bear.
  private static let deepest = 256

  private let bytes: [UInt8]
  private let bounds: DocumentBounds
  private var position = 0
  private var open: [Open] = []
  private var openKeys = 0
  /// What was met so far.
  private var measure: DocumentMeasure

  private init(_ bytes: [UInt8], _ bounds: DocumentBounds) {
    self.bytes = bytes
    self.bounds = bounds
    measure = DocumentMeasure(size: bytes.count)
  }

  /// What `bytes` are made of. Throws the first thing that keeps them from being one document of one meaning.
  static func measure(
    _ bytes: [UInt8], as shape: DocumentShape, within bounds: DocumentBounds
  ) throws(DocumentFault) -> DocumentMeasure {
    var scan = DocumentScan(bytes, bounds)
    try scan.beginValue(shape)
    while !scan.open.isEmpty { try scan.advance() }
    scan.skipBlanks()
    guard scan.position == bytes.count else { throw .surplus(at: scan.position) }
    return scan.measure
  }

  /// Reads the next member or element of the innermost object or list, or its end.
  private mutating func advance() throws(DocumentFault) {
    let top = open.count - 1
    skipBlanks()
    if take(open[top].isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
      openKeys -= open[top].keys.count
      open.removeLast()
      return
    }
    if open[top].count > 0 { try expect(UInt8(ascii: ",")) }
    open[top].count += 1
    guard open[top].isObject else { return try beginValue(open[top].shape.element) }
    skipBlanks()
    guard !open[top].shape.isLoose else {
      measure.keys += 1
      try countValue()
      guard peek == UInt8(ascii: "\"") else { throw .malformed(at: position) }
      try skipString()
      skipBlanks()
      try expect(UInt8(ascii: ":"))
      return try beginValue(.loose)
    }
    let key = try key()
    skipBlanks()
    try expect(UInt8(ascii: ":"))
    try beginValue(try note(key))
  }

  /// Remembers a key of the innermost object; the shape of its value.
  private mutating func note(_ key: String) throws(DocumentFault) -> DocumentShape {
    try countValue()
    let top = open.count - 1
    open[top].key = key
    guard open[top].keys.insert(Array(key.utf8)).inserted else { throw .repeatedKey(path) }
    openKeys += 1
    measure.keys = max(measure.keys, openKeys)
    guard openKeys <= bounds.mostKeys else { throw .tooManyKeys }
    guard let member = open[top].shape.member(key) else { return open[top].shape.value }
    if let other = open[top].spellings.updateValue(key, forKey: member.name) {
      throw .twoSpellings(path, other: other)
    }
    guard key == member.name || !member.isSpelledExactly else {
      throw .misspelled(path, meant: member.name)
    }
    return member.shape
  }

  private mutating func countValue() throws(DocumentFault) {
    measure.values += 1
    guard measure.values <= bounds.mostValues else { throw .tooManyValues(limit: bounds.mostValues) }
  }

  /// Reads a value that is no object or list; of those, the beginning.
  private mutating func beginValue(_ shape: DocumentShape) throws(DocumentFault) {
    skipBlanks()
    try countValue()
    switch peek {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard open.count < Self.deepest else { throw .tooDeep }
      open.append(Open(isObject: peek == UInt8(ascii: "{"), shape: shape))
      position += 1
    case UInt8(ascii: "\""): try skipString()
    case UInt8(ascii: "t"): try expect("true")
    case UInt8(ascii: "f"): try expect("false")
    case UInt8(ascii: "n"): try expect("null")
    default:
      let start = position
      guard try !isWholeNumber() else { return }
      guard !shape.isWhole else { throw .notWhole(path) }
      if shape.isEntrysWhole { measure.unfit.append(start..<position) }
    }
  }

  /// Reads a number; whether it has neither a fraction nor an exponent.
  private mutating func isWholeNumber() throws(DocumentFault) -> Bool {
    _ = take(UInt8(ascii: "-"))
    if !take(UInt8(ascii: "0")) { try expectDigits() }
    var isWhole = true
    if take(UInt8(ascii: ".")) {
      isWhole = false
      try expectDigits()
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isWhole = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      try expectDigits()
    }
    return isWhole
  }

  private mutating func expectDigits() throws(DocumentFault) {
    let start = position
    while let byte = peek, Self.isDigit(byte) { position += 1 }
    guard position > start else { throw .malformed(at: position) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// Reads a string and lets it go.
  private mutating func skipString() throws(DocumentFault) {
    position += 1
    let start = position
    while let byte = peek {
      guard position - start <= bounds.longestText else { throw .textTooLong(limit: bounds.longestText) }
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return
      case UInt8(ascii: "\\"): _ = try escape()
      case 0..<0x20: throw .malformed(at: position)
      default: position += 1
      }
    }
    throw .malformed(at: position)
  }

  /// Reads a key, as the text that it stands for.
  private mutating func key() throws(DocumentFault) -> String {
    guard peek == UInt8(ascii: "\"") else { throw .malformed(at: position) }
    let start = position + 1
    try skipString()
    let raw = bytes[start..<position - 1]
    if !raw.contains(UInt8(ascii: "\\")) {
      guard let text = String(validating: raw, as: UTF8.self) else { throw .unreadableKey(at: start) }
      return text
    }
    let end = position - 1
    defer { position = end + 1 }
    position = start
    var units: [UInt16] = []
    while position < end {
      if bytes[position] == UInt8(ascii: "\\") {
        units.append(try escape())
      } else {
        let rest = bytes[position..<end].prefix { $0 != UInt8(ascii: "\\") }
        guard let text = String(validating: rest, as: UTF8.self) else { throw .unreadableKey(at: start) }
        units += text.utf16
        position += rest.count
      }
    }
    guard let text = String(validating: units, as: UTF16.self) else { throw .unreadableKey(at: start) }
    return text
  }

  /// Reads what begins with a backslash: one unit of UTF-16.
  private mutating func escape() throws(DocumentFault) -> UInt16 {
    position += 1
    guard let byte = peek else { throw .malformed(at: position) }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
    case UInt8(ascii: "b"): return 0x08
    case UInt8(ascii: "f"): return 0x0C
    case UInt8(ascii: "n"): return 0x0A
    case UInt8(ascii: "r"): return 0x0D
    case UInt8(ascii: "t"): return 0x09
    case UInt8(ascii: "u"):
      var unit: UInt16 = 0
      for _ in 0..<4 {
        guard let digit = peek.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
          throw .malformed(at: position)
        }
        unit = unit << 4 | UInt16(digit)
        position += 1
      }
      return unit
    default: throw .malformed(at: position - 1)
    }
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(DocumentFault) {
    guard take(byte) else { throw .malformed(at: position) }
  }

  private mutating func expect(_ word: StaticString) throws(DocumentFault) {
    for byte in word.description.utf8 { try expect(byte) }
  }

  private mutating func skipBlanks() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  /// Where in the document the scan is, as a person would write it: `layers[2].digest`.
  private var path: String {
    open.map { $0.isObject ? ".\($0.key)" : "[\($0.count - 1)]" }.joined().drop { $0 == "." }.description
  }
}
