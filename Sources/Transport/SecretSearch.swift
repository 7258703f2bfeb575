/// Looks for secrets in texts: however many there are, each place of a text is looked at once.
struct SecretSearch {
  /// What is looked for, in UTF-8 and in its order: what begins alike stands together.
  private var needles: [[UInt8]] = []
  /// Whether letters of the other case are others; else they are looked for in small ones.
  private let isExact: Bool
  /// The two bytes with which one begins, a bit for each: of most texts nothing else is looked at.
  private var beginnings = [UInt64](repeating: 0, count: 1 << 10)

  /// A text is read so often: as it is, and what was read before as that would be. Of a value that a server escaped twice
  /// a page has three spellings in one another.
  private static let mostReadings = 8

  /// Looks for secrets in letters of either case, unless `isExact`.
  init(isExact: Bool = false) { self.isExact = isExact }

  private func letter(_ byte: UInt8) -> UInt8 { isExact ? byte : SecretSpelling.small(byte) }

  /// Takes in secrets as they are encoded, unless told not to, and as they are where `isPlain` says so; returns those of them
  /// that were not known.
  /// However many they are, what is known already is moved once: a server may give thousands with an answer.
  @discardableResult
  mutating func add(
    _ secrets: some Collection<String>, isPlain: (String) -> Bool = { _ in true }, isEncoded: Bool = true
  ) -> [String] {
    var fresh: Set<[UInt8]> = []
    let strange = secrets.filter { secret -> Bool in
      let bytes = Array(secret.utf8)
      let forms =
        (isEncoded ? SecretForms.encoded(bytes) : []) + (isPlain(secret) ? SecretForms.plain(bytes) : [])
      return forms.map { $0.map(letter) }
        .count { !$0.isEmpty && !isKnown($0) && fresh.insert($0).inserted } > 0
    }
    for form in fresh {
      let (word, bit) = Self.bit(of: form[0], form.count > 1 ? form[1] : 0)
      beginnings[word] |= bit
    }
    merge(fresh.sorted { $0.lexicographicallyPrecedes($1) })
    return strange
  }

  private static func bit(of first: UInt8, _ second: UInt8) -> (word: Int, bit: UInt64) {
    (Int(first) << 2 | Int(second >> 6), 1 << (UInt64(second) & 63))
  }

  /// Whether one may begin at a place: what is said in one byte is looked up.
  private func mayBegin(at place: Int, in text: [UInt8]) -> Bool {
    guard place + 1 < text.count else { return false }
    let (first, second) = (text[place], text[place + 1])
    guard !SecretSpelling.isMore(first) else { return true }
    if SecretSpelling.isMore(second) || SecretSpelling.isBlank(second) {
      // Behind what is not seen the next may be anything.
      return beginnings[Int(letter(first)) << 2..<(Int(letter(first)) + 1) << 2].contains { $0 != 0 }
    }
    let (word, bit) = Self.bit(of: letter(first), letter(second))
    return beginnings[word] & bit != 0
  }

  private func isKnown(_ form: [UInt8]) -> Bool {
    let place = Self.partition(needles.indices) { needles[$0].lexicographicallyPrecedes(form) }
    return place < needles.count && needles[place] == form
  }

  /// Lays `fresh` among what is known, from the end on.
  private mutating func merge(_ fresh: [[UInt8]]) {
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
    let forms = SecretForms.plain(Array(secret.utf8)).map { $0.map(letter) }
    needles.removeAll { forms.contains($0) }
  }

  /// The text with `…` in each secret's place; nil where there is none in it.
  func hiding(in text: [UInt8]) -> [UInt8]? {
    guard !needles.isEmpty else { return nil }
    var places = self.places(in: text)
    // A secret may itself have what is an escape to others than those who spelled it.
    for signs in SecretSpelling.signs.map({ [$0] }) + [SecretSpelling.signs] {
      var readings: [SecretReading] = []
      while readings.count < Self.mostReadings - 1,
        let reading = SecretReading(of: readings.last?.text ?? text, after: signs)
      {
        readings.append(reading)
        places += self.places(in: reading.text).map { place in
          readings.reversed().reduce(place) { $1.source(of: $0) }
        }
      }
    }
    guard !places.isEmpty else { return nil }
    places.sort { $0.lowerBound < $1.lowerBound }
    var hidden: [UInt8] = []
    var copied = 0
    for (index, place) in places.enumerated() {
      // What was found once more, or reaches into what is hidden already.
      if index == 0 || place.lowerBound >= copied {
        hidden += text[copied..<place.lowerBound]
        hidden += "…".utf8
      }
      copied = max(copied, place.upperBound)
    }
    return hidden + text[copied...]
  }

  /// Where the secrets stand in a text that is read once.
  private func places(in text: [UInt8]) -> [Range<Int>] {
    var places: [Range<Int>] = []
    var place = 0
    var steps = Self.mostSteps(for: text)
    while place < text.count {
      guard mayBegin(at: place, in: text), let end = end(at: place, in: text, within: &steps) else {
        place += 1
        continue
      }
      places.append(place..<end)
      place = end
    }
    return places
  }

  /// How often a text is looked into, however often what it says almost is a secret: a server gives both.
  private static func mostSteps(for text: [UInt8]) -> Int { 64 * text.count + 1 << 20 }

  /// Where the longest of the secrets ends that begin at a place, or what a cut has left of one. As many ways of reading the
  /// text are followed as lead on towards different secrets. Of a text that takes more `steps` than it may all that is left is
  /// hidden.
  private func end(at start: Int, in text: [UInt8], within steps: inout Int) -> Int? {
    var best: Int?
    var ways = [Way(among: needles.indices, depth: 0, place: start)]
    while let way = ways.popLast() {
      let (among, depth, place) = (way.among, way.depth, way.place)
      steps -= 1
      guard steps > 0 else { return text.count }
      // What is not seen behind a secret is no part of it.
      if needles[among.lowerBound].count == depth, !way.isBehindUnseen,
        !way.hasBlanks || depth >= Secrets.shortest
      {
        best = max(best ?? 0, place)
      }
      guard place < text.count else { continue }
      if depth >= Secrets.shortestBeginning, !(way.isBehindUnseen && way.hasBlanks),
        let end = SecretSpelling.endOfCut(at: place, in: text)
      {
        best = max(best ?? 0, end)
      }
      // One character may be said twice, with other ends: `%25` is a percent sign, and so is the first of its own.
      for (scalar, next) in SecretSpelling.readings(at: place, in: text) {
        let (rest, deeper) = narrowed(among, depth, to: scalar)
        if !rest.isEmpty {
          ways.append(Way(among: rest, depth: deeper, place: next, hasBlanks: way.hasBlanks))
        }
        guard depth > 0, SecretSpelling.isUnseen(scalar, at: place, in: text) else { continue }
        let hasBlanks = way.hasBlanks || scalar == 0x20
        ways.append(
          Way(among: among, depth: depth, place: next, isBehindUnseen: true, hasBlanks: hasBlanks))
      }
    }
    return best
  }

  /// One way of reading a text, as far as it has led.
  private struct Way {
    /// The secrets that begin so.
    var among: Range<Int>
    /// How far they are the same.
    var depth: Int
    var place: Int
    /// Whether what it has passed over last is not seen.
    var isBehindUnseen = false
    /// Whether it has passed over blanks: short secrets would stand in any two words.
    var hasBlanks = false
  }

  /// Those of some that begin alike whose next character is `scalar`, and how far they are the same then.
  private func narrowed(_ among: Range<Int>, _ depth: Int, to scalar: UInt32) -> (Range<Int>, depth: Int) {
    if scalar < 0x80 { return (narrowed(among, depth, to: letter(UInt8(scalar))), depth + 1) }
    var (rest, end) = (among, depth)
    for byte in SecretSpelling.utf8(of: scalar) where !rest.isEmpty {
      rest = narrowed(rest, end, to: byte)
      end += 1
    }
    return (rest, end)
  }

  private func narrowed(_ among: Range<Int>, _ depth: Int, to byte: UInt8) -> Range<Int> {
    if among.count == 1 {
      let needle = needles[among.lowerBound]
      return needle.count > depth && needle[depth] == byte ? among : among.upperBound..<among.upperBound
    }
    let first = Self.partition(among) { needles[$0].count <= depth || needles[$0][depth] < byte }
    return first..<Self.partition(first..<among.upperBound) { needles[$0][depth] <= byte }
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

/// What a secret is looked for as, in UTF-8.
private enum SecretForms {
  private static let backslash = UInt8(ascii: "\\")

  /// A secret as it is, as what reads its backslashes as escapes takes it, and as prose has it, in which blanks are one.
  static func plain(_ secret: [UInt8]) -> [[UInt8]] {
    var read: [UInt8] = []
    var prose: [UInt8] = []
    var place = 0
    for byte in secret {
      let byte = [9, 10, 13].contains(byte) ? UInt8(ascii: " ") : byte
      if byte != UInt8(ascii: " ") || prose.last != byte { prose.append(byte) }
    }
    while place < secret.count {
      read.append(secret[place])
      let isPair =
        secret[place] == backslash && place + 1 < secret.count && secret[place + 1] == backslash
      place += isPair ? 2 : 1
    }
    return [secret]
      + [read, prose].filter { $0 != secret && $0.count >= min(secret.count, Secrets.shortest) }
  }

  /// A secret in the two alphabets of Base64 (RFC 4648) without what may fill it up, by itself and within a longer text, which
  /// may begin one or two bytes before a group of three does; and in hexadecimal digits. In a short one's few characters stand
  /// other words.
  static func encoded(_ secret: [UInt8]) -> [[UInt8]] {
    var forms = [base64(secret)]
    var digits: [[UInt8]] = []
    if secret.count >= Secrets.shortest {
      for before in 0..<3 {
        let text = base64([UInt8](repeating: 0, count: before) + secret)
        // The characters that say nothing of what stands around it.
        forms.append(Array(text[(8 * before + 5) / 6..<8 * (before + secret.count) / 6]))
      }
      digits = ["0123456789abcdef", "0123456789ABCDEF"].map { alphabet in
        let digits = Array(alphabet.utf8)
        return secret.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
      }
    }
    let forURLs = forms.map { form in
      form.map { byte in
        switch byte {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        default: byte
        }
      }
    }
    return forms + zip(forms, forURLs).filter { $0 != $1 }.map(\.1) + digits
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
}
