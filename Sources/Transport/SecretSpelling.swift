/// The spellings in which a character may stand in a text.
enum SecretSpelling {
  typealias Reading = (scalar: UInt32, end: Int)

  /// What escapes begin with.
  static let signs = [UInt8(ascii: "\\"), UInt8(ascii: "%"), UInt8(ascii: "&")]

  /// Whether an escape may begin with a byte.
  static func isSign(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "&")
  }

  /// Whether a byte may be more than the character that it is: a part of one, or a form's `+` for a blank.
  static func isMore(_ byte: UInt8) -> Bool { byte >= 0x80 || byte == UInt8(ascii: "+") || isSign(byte) }

  /// A letter in lower case, any other byte as it is.
  static func small(_ byte: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
  }

  /// Whether a byte is a blank or a control character.
  static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7f }

  /// Whether what is read at a place as `scalar` is not seen, so that a text says the same to people without it: a single blank as
  /// well, for that is what prose has in place of such a character.
  static func isUnseen(_ scalar: UInt32, at place: Int, in text: [UInt8]) -> Bool {
    if scalar == 0x20 {
      return text[place] == 0x20 && place + 1 < text.count && text[place + 1] != 0x20
    }
    guard scalar >= 0x80 else { return scalar < 0x20 || scalar == 0x7f }
    guard let character = Unicode.Scalar(scalar) else { return true }
    switch character.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .privateUse, .unassigned,
      .surrogate:
      return true
    // What is no text is shown as U+FFFD; the others are drawn as nothing.
    default:
      return [0xfffd, 0x2800, 0x1d159, 0x16fe4, 0x13441, 0x13442].contains(scalar)
        || character.properties.isDefaultIgnorableCodePoint
    }
  }

  /// What may be meant at a place, what is said in the fewest characters last.
  static func readings(at place: Int, in text: [UInt8]) -> [Reading] {
    guard let (scalar, end) = escaped(at: place, in: text) else { return [] }
    var readings: [Reading] = []
    switch scalar {
    case UInt32(UInt8(ascii: "%")):
      if let reading = percentEncoded(behind: end, in: text) { readings.append(reading) }
    case UInt32(UInt8(ascii: "&")):
      if let reading = reference(behind: end, in: text) { readings.append(reading) }
    case UInt32(UInt8(ascii: "+")): readings.append((0x20, end))
    default: break
    }
    readings.append((scalar, end))
    // A backslash that is no escape's.
    if text[place] == UInt8(ascii: "\\"), end > place + 1 { readings.append((0x5c, place + 1)) }
    return readings
  }

  /// Where a cut ends that is here: its mark, at once or behind what it has left of an escape.
  static func endOfCut(at place: Int, in text: [UInt8]) -> Int? {
    // The first byte of the mark, as it is.
    guard text[place] == 0xe2 || isSign(text[place]) else { return nil }
    if let end = endOfMark(at: place, in: text) { return end }
    var next = place + 1
    // The longest escape is `\u{10ffff}`.
    while next < min(text.count, place + 10), isInEscape(text[next]) { next += 1 }
    return text[place] == 0xe2 ? nil : endOfMark(at: next, in: text)
  }

  private static func endOfMark(at place: Int, in text: [UInt8]) -> Int? {
    readings(at: place, in: text).first { $0.scalar == 0x2026 }?.end
  }

  private static func isInEscape(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "#"), UInt8(ascii: "{"): true
    default: false
    }
  }

  /// What an escape at a place is for, whichever it is; nil where there is none.
  static func escape(at place: Int, in text: [UInt8]) -> Reading? {
    switch text[place] {
    case UInt8(ascii: "\\"): escaped(at: place, in: text).flatMap { $0.end > place + 1 ? $0 : nil }
    case UInt8(ascii: "%"): percentEncoded(behind: place + 1, in: text)
    case UInt8(ascii: "&"): reference(behind: place + 1, in: text)
    default: nil
    }
  }

  /// A character in UTF-8, and as that would have it what is none.
  static func utf8(of scalar: UInt32) -> [UInt8] {
    func rest(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3f) }
    return switch scalar {
    case ..<0x80: [UInt8(scalar)]
    case ..<0x800: [UInt8(0xc0 | scalar >> 6), rest(0)]
    case ..<0x1_0000: [UInt8(0xe0 | scalar >> 12), rest(6), rest(0)]
    default: [UInt8(0xf0 | scalar >> 18 & 7), rest(12), rest(6), rest(0)]
    }
  }

  /// A character, or the one that an escape of JSON or of a programming language is for.
  private static func escaped(at place: Int, in text: [UInt8]) -> Reading? {
    guard place < text.count else { return nil }
    guard text[place] == UInt8(ascii: "\\"), place + 1 < text.count else { return plain(at: place, in: text) }
    let next = text[place + 1]
    switch next {
    case UInt8(ascii: "u"):
      if let reading = bracketed(at: place + 2, in: text) { return reading }
      guard let unit = number(at: place + 2, count: 4, in: text) else { return plain(at: place, in: text) }
      // The two halves of a character beyond the first 65,536.
      if 0xd800..<0xdc00 ~= unit, place + 7 < text.count, text[place + 6] == UInt8(ascii: "\\"),
        text[place + 7] == next, let low = number(at: place + 8, count: 4, in: text), 0xdc00..<0xe000 ~= low
      {
        return (0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00), place + 12)
      }
      return (unit, place + 6)
    case UInt8(ascii: "x"):
      guard let unit = number(at: place + 2, count: 2, in: text) else { return plain(at: place, in: text) }
      return (unit, place + 4)
    case UInt8(ascii: "n"): return (10, place + 2)
    case UInt8(ascii: "r"): return (13, place + 2)
    case UInt8(ascii: "t"): return (9, place + 2)
    case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: return (UInt32(next), place + 2)
    default: return plain(at: place, in: text)
    }
  }

  /// The number of a character as Ferry itself shows one that is not seen: `\u{ad}`.
  private static func bracketed(at place: Int, in text: [UInt8]) -> Reading? {
    guard place < text.count, text[place] == UInt8(ascii: "{"),
      let end = text[place...].prefix(8).firstIndex(of: UInt8(ascii: "}")),
      let value = number(at: place + 1, count: end - place - 1, in: text), end > place + 1
    else { return nil }
    return (value, end + 1)
  }

  /// A character as it is in UTF-8; a byte that is none by itself.
  private static func plain(at place: Int, in text: [UInt8]) -> Reading {
    let first = text[place]
    let count = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    guard count > 1, place + count <= text.count else { return (UInt32(first), place + 1) }
    let scalar = text[place + 1..<place + count].reduce(UInt32(first) & (0xff >> (UInt32(count) + 1))) {
      $0 << 6 | UInt32($1 & 0x3f)
    }
    return (scalar, place + count)
  }

  /// The character whose bytes stand as `%C3%A4`; each percent sign may be spelled by an escape itself.
  private static func percentEncoded(behind start: Int, in text: [UInt8]) -> Reading? {
    guard let first = number(at: start, count: 2, in: text) else { return nil }
    var bytes = [UInt8(truncatingIfNeeded: first)]
    var place = start + 2
    let count = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    while bytes.count < count {
      guard let (sign, end) = escaped(at: place, in: text), sign == UInt32(UInt8(ascii: "%")),
        let byte = number(at: end, count: 2, in: text)
      else { return nil }
      bytes.append(UInt8(truncatingIfNeeded: byte))
      place = end + 2
    }
    return (plain(at: 0, in: bytes).scalar, place)
  }

  /// The character that a reference of HTML is for: `&amp;`, `&#38;`, `&#x26;`.
  private static func reference(behind start: Int, in text: [UInt8]) -> Reading? {
    guard let end = text[start...].prefix(10).firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let name = String(decoding: text[start..<end], as: UTF8.self)
    if let scalar = names[name] { return (scalar, end + 1) }
    guard name.hasPrefix("#") else { return nil }
    let digits = name.dropFirst()
    let value = digits.lowercased().hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
    return value.map { ($0, end + 1) }
  }

  private static let names: [String: UInt32] = [
    "amp": 0x26, "lt": 0x3c, "gt": 0x3e, "quot": 0x22, "apos": 0x27, "nbsp": 0xa0,
  ]

  private static func number(at place: Int, count: Int, in text: [UInt8]) -> UInt32? {
    guard place + count <= text.count else { return nil }
    var value: UInt32 = 0
    for byte in text[place..<place + count] {
      switch byte {
      case 48...57: value = value << 4 | UInt32(byte - 48)
      case 65...70: value = value << 4 | UInt32(byte - 55)
      case 97...102: value = value << 4 | UInt32(byte - 87)
      default: return nil
      }
    }
    return value
  }
}

/// What a text says to whoever reads the escapes of some kinds in it, once and each of them.
struct SecretReading {
  let text: [UInt8]
  /// Where the text goes on behind each escape, and where its source does.
  private var ends: [(place: Int, source: Int)] = []

  /// Of escapes that begin with one of `signs`; nil for a text without any.
  init?(of source: [UInt8], after signs: [UInt8]) {
    var text: [UInt8] = []
    var place = 0
    while let sign = source[place...].firstIndex(where: signs.contains) {
      text += source[place..<sign]
      place = sign + 1
      guard let (scalar, end) = SecretSpelling.escape(at: sign, in: source) else {
        text.append(source[sign])
        continue
      }
      text += SecretSpelling.utf8(of: scalar)
      place = end
      ends.append((text.count, end))
    }
    guard !ends.isEmpty else { return nil }
    self.text = text + source[place...]
  }

  /// Where in the source stands what is said here.
  func source(of range: Range<Int>) -> Range<Int> {
    source(of: range.lowerBound)..<source(of: range.upperBound)
  }

  private func source(of place: Int) -> Int {
    var (low, high) = (0, ends.count)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle].place <= place { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? place : ends[low - 1].source + place - ends[low - 1].place
  }
}
