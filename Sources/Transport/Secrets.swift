internal import Synchronization

/// The secrets in use, and how none of them is shown: whatever is to be read by people or kept passes through here on its
/// way out, and each secret in it, in whatever spelling, becomes `…`.
///
/// A server that was sent a secret may give it back as it likes: within JSON, a URL, a page or a form, or in Base64 as it
/// was sent. So it is not spellings that are looked for but what they mean: a text is read as its readers would read it,
/// character by character.
public final class Secrets: Sendable {
  private struct Known {
    /// The user's own, which are looked for to the end.
    var own: Set<String> = []
    /// What servers gave to be shown to them again, and what they put into addresses: of these there is one with every redirect
    /// to a storage, which are not to drive the tokens out.
    var tokens = Given()
    var passing = Given()
    /// Words that are no secrets, whatever else they are.
    var words: Set<String> = []
    var search = SecretSearch()
  }

  /// What servers gave, the oldest first.
  private struct Given {
    private(set) var secrets: [String] = []
    private var bytes = 0

    mutating func append(_ secret: String) {
      secrets.append(secret)
      bytes += secret.utf8.count
    }

    /// Forgets the older half where there is too much. Whether anything was.
    mutating func forget() -> Bool {
      guard bytes > Secrets.mostPassing else { return false }
      while bytes > Secrets.mostPassing / 2, !secrets.isEmpty {
        let count = max(1, secrets.count / 2)
        bytes -= secrets.prefix(count).reduce(0) { $0 + $1.utf8.count }
        secrets.removeFirst(count)
      }
      return true
    }
  }

  private let known = Mutex(Known())

  /// A shorter one stands by chance in too many words: names and reports would no longer say what they should. In what
  /// servers say it is hidden all the same (``hide(_:in:)``).
  public static let shortest = 8
  /// How much of the tokens, and how much of what else servers give, is looked for at a time, in bytes; what is older has
  /// expired, or is as good as forgotten.
  static let mostPassing = 256 << 10
  /// How much of one secret is looked for, in bytes. Without its beginning nobody can use it.
  /// A multiple of three: its Base64 is then the beginning of the whole one's.
  private static let longest = 15 << 10

  public init() {}

  /// Hears of the user's secrets, as they are. Those that are too short to be told from words are not looked for.
  public func add(_ secrets: [String]) {
    known.withLock { known in
      let fresh = Self.sought(secrets).filter { known.own.insert($0).inserted }
      known.search.add(fresh) { [words = known.words] secret in !words.contains { $0.contains(secret) } }
    }
  }

  /// Hears of tokens that a server gave. Of these there may be any number.
  public func add(tokens: [String]) { known.withLock { Self.add(tokens, to: \.tokens, of: &$0) } }

  /// Hears of what a server put into an address: a signature. Of these there may be any number.
  public func add(passing secrets: [String]) {
    known.withLock { Self.add(secrets, to: \.passing, of: &$0) }
  }

  private static func add(
    _ secrets: [String], to given: WritableKeyPath<Known, Given>, of known: inout Known
  ) {
    let strange = sought(secrets).filter { !known.own.contains($0) }
    for secret in known.search.add(strange) { known[keyPath: given].append(secret) }
    if known[keyPath: given].forget() { renew(&known) }
  }

  /// Hears of words that are there for all to see, such as the names in a command line or an archive. A secret of the user's
  /// that stands in one of them is not hidden where it stands as it is: the names would no longer be those that they are, and
  /// nobody learns from them that it is one.
  public func excuse(_ words: some Sequence<String>) {
    known.withLock { known in
      let fresh = words.filter { $0.utf8.count >= Self.shortest && known.words.insert($0).inserted }
      for secret in known.own where fresh.contains(where: { $0.contains(secret) }) {
        known.search.remove(plain: secret)
      }
    }
  }

  private static func sought(_ secrets: [String]) -> [String] {
    secrets.filter { $0.utf8.count >= shortest }.map { secret in
      guard secret.utf8.count > longest else { return secret }
      var beginning = String(decoding: secret.utf8.prefix(longest), as: UTF8.self)
      // What is left of a character that was cut.
      while beginning.unicodeScalars.last == "\u{FFFD}" { beginning.unicodeScalars.removeLast() }
      return beginning
    }
  }

  /// Looks for what is known alone.
  private static func renew(_ known: inout Known) {
    let words = known.words
    known.search = SecretSearch()
    known.search.add(Array(known.own)) { secret in !words.contains { $0.contains(secret) } }
    known.search.add(known.tokens.secrets + known.passing.secrets)
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
    var search = SecretSearch()
    search.add(secrets.filter { $0.utf8.count > 1 })
    return search.hiding(in: text) ?? text
  }
}

/// Looks for secrets in texts: however many there are, each place of a text is looked at once.
private struct SecretSearch {
  /// What is looked for, by its characters, in their order: what begins alike stands together.
  private var needles: [[UInt32]] = []
  /// The bytes with which one may begin: its own first, or what a spelling begins with.
  private var beginnings = [Bool](repeating: false, count: 256)

  init() {
    for byte in "\\%&".utf8 { beginnings[Int(byte)] = true }
  }

  /// Takes in secrets as they are encoded, and as they are where `isPlain` says so; returns those of them that were not known.
  /// However many they are, what is known already is moved once: a server may give thousands with an answer.
  @discardableResult
  mutating func add(_ secrets: [String], isPlain: (String) -> Bool = { _ in true }) -> [String] {
    var fresh: Set<[UInt32]> = []
    let strange = secrets.filter { secret in
      let forms = Self.forms(of: secret) + (isPlain(secret) ? Self.plain(secret) : [])
      return forms.map { $0.unicodeScalars.map(\.value) }.count { scalars in
        !scalars.isEmpty && !isKnown(scalars) && fresh.insert(scalars).inserted
      } > 0
    }
    for first in fresh.compactMap({ Unicode.Scalar($0[0]) }) {
      for byte in String(first).utf8.prefix(1) { beginnings[Int(byte)] = true }
      if first == " " { beginnings[Int(UInt8(ascii: "+"))] = true }
    }
    merge(fresh.sorted { $0.lexicographicallyPrecedes($1) })
    return strange
  }

  private func isKnown(_ scalars: [UInt32]) -> Bool {
    let place = Self.partition(needles.indices) { needles[$0].lexicographicallyPrecedes(scalars) }
    return place < needles.count && needles[place] == scalars
  }

  /// Lays `fresh` among what is known, from the end on.
  private mutating func merge(_ fresh: [[UInt32]]) {
    var (old, new) = (needles.count, fresh.count)
    needles += fresh
    while new > 0 {
      if old > 0, fresh[new - 1].lexicographicallyPrecedes(needles[old - 1]) {
        needles.swapAt(old + new - 1, old - 1)
        old -= 1
      } else {
        needles[old + new - 1] = fresh[new - 1]
        new -= 1
      }
    }
  }

  /// Looks for a secret no more where it stands as it is.
  mutating func remove(plain secret: String) {
    let forms = Self.plain(secret).map { $0.unicodeScalars.map(\.value) }
    needles.removeAll { forms.contains($0) }
  }

  /// A secret as it is, and as what reads its backslashes as escapes takes it.
  private static func plain(_ secret: String) -> [String] {
    let backslash = UInt8(ascii: "\\")
    let bytes = Array(secret.utf8)
    var read: [UInt8] = []
    var place = 0
    while place < bytes.count {
      read.append(bytes[place])
      let isPair = bytes[place] == backslash && place + 1 < bytes.count && bytes[place + 1] == backslash
      place += isPair ? 2 : 1
    }
    return read.count == bytes.count ? [secret] : [secret, String(decoding: read, as: UTF8.self)]
  }

  /// A secret in the two alphabets of Base64 (RFC 4648) without what may fill it up.
  private static func forms(of secret: String) -> [String] {
    let standard = base64(Array(secret.utf8))
    let forURLs = standard.map { byte in
      switch byte {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      default: byte
      }
    }
    return (standard == forURLs ? [standard] : [standard, forURLs]).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  private static func base64(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let number = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0...group.count { text.append(alphabet[number >> (18 - 6 * place) & 63]) }
    }
    return text
  }

  func hiding(in text: [UInt8]) -> [UInt8]? {
    guard !needles.isEmpty else { return nil }
    var hidden: [UInt8]?
    var copied = 0
    var place = 0
    var steps = Self.mostSteps(for: text)
    while place < text.count {
      guard beginnings[Int(text[place])], let end = end(at: place, in: text, within: &steps) else {
        place += 1
        continue
      }
      var longer = hidden.take() ?? []
      longer += text[copied..<place]
      longer += "…".utf8
      hidden = longer
      place = end
      copied = end
    }
    return hidden.map { $0 + text[copied...] }
  }

  /// How often a text is looked into, however often what it says almost is a secret: a server gives both.
  private static func mostSteps(for text: [UInt8]) -> Int { 64 * text.count + 1 << 20 }

  /// Where the longest of the secrets ends that begin at a place. As many ways of reading the text are followed as lead
  /// on towards different secrets. Of a text that takes more `steps` than it may all that is left is hidden.
  private func end(at start: Int, in text: [UInt8], within steps: inout Int) -> Int? {
    var best: Int?
    var ways = [(among: needles.indices, depth: 0, place: start)]
    while let (among, depth, place) = ways.popLast() {
      steps -= 1
      guard steps > 0 else { return text.count }
      if needles[among.lowerBound].count == depth { best = max(best ?? 0, place) }
      guard place < text.count else { continue }
      var read: [UInt32] = []
      for (scalar, next) in Spelling.readings(at: place, in: text) where !read.contains(scalar) {
        read.append(scalar)
        let rest = narrowed(among, depth, to: scalar)
        if !rest.isEmpty { ways.append((rest, depth + 1, next)) }
      }
    }
    return best
  }

  /// Those of some that begin alike whose next character is `scalar`.
  private func narrowed(_ among: Range<Int>, _ depth: Int, to scalar: UInt32) -> Range<Int> {
    func isBefore(_ index: Int, _ limit: UInt32) -> Bool {
      needles[index].count <= depth || needles[index][depth] < limit
    }
    if among.count == 1 {
      let needle = needles[among.lowerBound]
      return needle.count > depth && needle[depth] == scalar ? among : among.upperBound..<among.upperBound
    }
    let first = Self.partition(among) { isBefore($0, scalar) }
    return first..<Self.partition(first..<among.upperBound) { isBefore($0, scalar + 1) }
  }

  /// The first index for which `isBefore` does not hold, of a range in which it holds for none behind one.
  private static func partition(_ range: Range<Int>, _ isBefore: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(middle) { low = middle + 1 } else { high = middle }
    }
    return low
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
