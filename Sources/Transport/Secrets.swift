internal import Synchronization

/// The secrets in use, and how none of them is shown: whatever is to be read by people or kept passes through here on its
/// way out, and each secret in it, in whatever spelling, becomes `…`.
///
/// A server that was sent a secret may give it back as it likes: within JSON, a URL, a page or a form, or in Base64 as it
/// was sent. So it is not spellings that are looked for but what they mean: a text is read as its readers would read it,
/// character by character.
public final class Secrets: Sendable {
  private struct Known {
    var texts: Set<String> = []
    var search = SecretSearch([])
  }

  private let known = Mutex(Known())

  /// A shorter one stands by chance in too many words: names and reports would no longer say what they should. In what
  /// servers say it is hidden all the same (``hide(_:in:)``).
  public static let shortest = 8
  /// Far more than any run has at a time; tokens are renewed.
  private static let most = 4096

  public init() {}

  /// Hears of secrets, as they are. Those that are too short to be told from words are not looked for.
  public func add(_ secrets: [String]) {
    known.withLock { known in
      let fresh = secrets.filter { $0.utf8.count >= Self.shortest && !known.texts.contains($0) }
      guard !fresh.isEmpty, known.texts.count < Self.most else { return }
      known.texts.formUnion(fresh)
      known.search = SecretSearch(known.texts)
    }
  }

  /// The bytes of a text without any of them; nil where there is none in it.
  public func hiding(in text: [UInt8]) -> [UInt8]? {
    let search = known.withLock { $0.search }
    return search.hiding(in: text)
  }

  /// The same for a text.
  public func hiding(in text: String) -> String? {
    hiding(in: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes of a text without `secrets`, but for such as are a single character.
  public static func hide(_ secrets: [String], in text: [UInt8]) -> [UInt8] {
    SecretSearch(Set(secrets.filter { $0.utf8.count > 1 })).hiding(in: text) ?? text
  }
}

/// Looks for secrets in texts.
private struct SecretSearch {
  /// What is looked for, by its first character; the longest first.
  private var needles: [UInt32: [[UInt32]]] = [:]
  /// The bytes with which one may begin: its own first, or what a spelling begins with.
  private var beginnings = [Bool](repeating: false, count: 256)

  init(_ secrets: Set<String>) {
    for text in Set(secrets.flatMap { Self.forms(of: $0) }) {
      let scalars = text.unicodeScalars.map(\.value)
      guard let first = scalars.first, let byte = text.utf8.first else { continue }
      needles[first, default: []].append(scalars)
      beginnings[Int(byte)] = true
      if first == 0x20 { beginnings[Int(UInt8(ascii: "+"))] = true }
    }
    for key in needles.keys { needles[key]?.sort { $0.count > $1.count } }
    for byte in "\\%&".utf8 { beginnings[Int(byte)] = true }
  }

  /// A secret, and in the two alphabets of Base64 (RFC 4648) without what may fill it up.
  private static func forms(of secret: String) -> [String] {
    let standard = base64(Array(secret.utf8))
    let forURLs = String(standard.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
    return [secret, standard, forURLs]
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let number = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0...group.count { text.append(alphabet[number >> (18 - 6 * place) & 63]) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  func hiding(in text: [UInt8]) -> [UInt8]? {
    guard !needles.isEmpty else { return nil }
    var hidden: [UInt8]?
    var copied = 0
    var place = 0
    while place < text.count {
      guard beginnings[Int(text[place])], let end = end(at: place, in: text) else {
        place += 1
        continue
      }
      hidden = (hidden ?? []) + text[copied..<place] + Array("…".utf8)
      place = end
      copied = end
    }
    return hidden.map { $0 + text[copied...] }
  }

  /// Where a secret ends that begins at a place.
  private func end(at place: Int, in text: [UInt8]) -> Int? {
    for (scalar, next) in Spelling.readings(at: place, in: text) {
      for needle in needles[scalar] ?? [] {
        if let end = Self.end(of: needle.dropFirst(), at: next, in: text) { return end }
      }
    }
    return nil
  }

  private static func end(of needle: ArraySlice<UInt32>, at start: Int, in text: [UInt8]) -> Int? {
    var place = start
    for wanted in needle {
      guard let (_, next) = Spelling.readings(at: place, in: text).first(where: { $0.scalar == wanted })
      else {
        return nil
      }
      place = next
    }
    return place
  }
}

/// The spellings in which a character may stand in a text.
private enum Spelling {
  typealias Reading = (scalar: UInt32, end: Int)

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

  /// A character, or the one that an escape of JSON or of a programming language is for.
  private static func escaped(at place: Int, in text: [UInt8]) -> Reading? {
    guard place < text.count else { return nil }
    guard text[place] == UInt8(ascii: "\\"), place + 1 < text.count else { return plain(at: place, in: text) }
    let next = text[place + 1]
    switch next {
    case UInt8(ascii: "u"):
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
