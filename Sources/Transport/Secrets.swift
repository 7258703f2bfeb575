internal import Synchronization

/// The secrets in use, and how none of them is shown: whatever is to be read by people or kept passes through here on its
/// way out, and each secret in it, in whatever spelling, becomes `…`.
///
/// A server that was sent a secret may give it back as it likes: within JSON, a URL, a page or a form, in Base64 as it
/// was sent, in hexadecimal digits. So it is not spellings that are looked for but what they mean: a text is read as its readers
/// would read it, character by character, and what was read once more, for whatever is shown is spelled anew where it goes.
///
/// What foreign texts are kept of is cut before it comes here, and every cut is marked by `…`: a text that is cut within a secret
/// ends in its beginning, and that is hidden too. Letters of the other case are the same, for hosts are shown in small ones;
/// and what is not seen within a secret is passed over, for it is shown as an escape, as a blank or not at all.
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
    /// The same in small letters.
    var smallWords: Set<String> = []
    var search = SecretSearch()
    /// Of the user's own those that a word has in letters of another case: they are hidden in their own alone.
    var exact = SecretSearch(isExact: true)

    /// Looks for secrets of the user's own, but for words that are there for all to see.
    mutating func seek(_ secrets: [String]) {
      let excused = Set(secrets.filter(isWord))
      search.add(secrets) { secret in !excused.contains(secret) }
      exact.add(excused.filter { !isExactlyWord($0) }, isEncoded: false)
    }

    /// Whether a secret stands in a word, in letters of either case.
    private func isWord(_ secret: String) -> Bool {
      let small = Secrets.small(secret)
      return smallWords.contains { $0.contains(small) }
    }

    private func isExactlyWord(_ secret: String) -> Bool { words.contains { $0.contains(secret) } }
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
  /// Less of one than this, before a cut, is hidden no more: it is the beginning of too many words.
  static let shortestBeginning = 4
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
      known.seek(fresh)
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
      var excused: Set<String> = []
      for word in words where word.utf8.count >= Self.shortest && known.words.insert(word).inserted {
        let small = Self.small(word)
        // One text in memory for both, mostly.
        known.smallWords.insert(small == word ? word : small)
        for secret in known.own where small.contains(Self.small(secret)) { excused.insert(secret) }
      }
      for secret in excused {
        known.search.remove(plain: secret)
        known.exact.remove(plain: secret)
      }
      known.seek(Array(excused))
    }
  }

  /// A text with small letters for the capitals of ASCII.
  private static func small(_ text: String) -> String {
    String(decoding: text.utf8.map { SecretSpelling.small($0) }, as: UTF8.self)
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
    known.search = SecretSearch()
    known.exact = SecretSearch(isExact: true)
    known.seek(Array(known.own))
    known.search.add(known.tokens.secrets + known.passing.secrets)
  }

  /// The bytes of a text without any of them; nil where there is none in it.
  public func hiding(in text: [UInt8]) -> [UInt8]? {
    let (search, exact) = known.withLock { ($0.search, $0.exact) }
    let hidden = search.hiding(in: text)
    return exact.hiding(in: hidden ?? text) ?? hidden
  }

  /// The same for a text.
  public func hiding(in text: String) -> String? {
    hiding(in: Array(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The bytes of a text without `secrets`, but for such as are a single character. Short ones are hidden in their own letters
  /// alone.
  public static func hide(_ secrets: [String], in text: [UInt8]) -> [UInt8] {
    var search = SecretSearch()
    var exact = SecretSearch(isExact: true)
    search.add(secrets.filter { $0.utf8.count >= shortest })
    exact.add(secrets.filter { 2..<shortest ~= $0.utf8.count })
    let hidden = search.hiding(in: text) ?? text
    return exact.hiding(in: hidden) ?? hidden
  }
}

extension [UInt8] {
  /// What is kept of an endless text in UTF-8: its first `limit` bytes, without a character that reaches beyond them, and `…` for
  /// the rest.
  public func cut(to limit: Int) -> [UInt8] {
    guard count > limit else { return self }
    var end = limit
    while end > 0, limit - end < 4, self[end] & 0xc0 == 0x80 { end -= 1 }
    return Array(self[..<end]) + Array("…".utf8)
  }
}
