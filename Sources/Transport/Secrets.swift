internal import Synchronization

/// The secrets in use, and how none of them is shown: whatever is to be read by people or kept passes through here on its
/// way out, and each secret in it, in whatever spelling, becomes `…`.
///
/// A server that was sent a secret may give it back as it likes: within JSON, a URL, a page or a form, in Base64 as it
/// was sent, in hexadecimal digits. So it is not spellings that are looked for but what they mean: a text is read as its readers
/// would read it, character by character, and what was read once more, for whatever is shown is spelled anew where it goes.
///
/// What foreign texts are kept of is cut before it comes here, and every cut is marked by `…`: a text that is cut within a secret
/// ends in its beginning, and that is hidden too.
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
      var excused: Set<String> = []
      for word in words where word.utf8.count >= Self.shortest && known.words.insert(word).inserted {
        for secret in known.own where word.contains(secret) { excused.insert(secret) }
      }
      for secret in excused { known.search.remove(plain: secret) }
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
