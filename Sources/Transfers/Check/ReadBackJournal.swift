import Digests
import Files
import FoundationEssentials
import Images
import Synchronization

/// The file in which a check keeps what it has read back and found right, for the next run when it is broken off: appended
/// to, locked against a second Ferry, readable by its owner only. Gone when everything that was asked for was read.
///
/// An entry is of one blob in one repository of one registry, and is believed for a week: what a registry has under a digest
/// may rot, and its word that it has it is asked for anew in every run whatever stands here.
final class ReadBackJournal: Sendable {
  private struct State {
    var end: Int64
    /// Bytes of blobs noted that may not be on the disk.
    var unsettled: Int64 = 0
    /// A journal that cannot be written is no reason to stop a check.
    var isBroken = false
    var hasEntries: Bool
  }

  /// What a sample is drawn by, so that the next run goes on with the same one.
  let seed: String
  private let file: DataFile
  /// The mode of an empty file that the user named: it stays. nil when it is a journal's.
  private let givenMode: UInt32?
  /// What earlier runs have read, each entry's ``ReadBackRecord/key``.
  private let earlier: Set<Digest>
  private let state: Mutex<State>

  /// A journal is read, and written, up to here, in bytes: some 300,000 blobs. What comes behind is read again.
  private static let longest: Int64 = 64 << 20
  /// How many zeros a power cut may leave in its place, in bytes.
  private static let most = 64 << 10
  /// How many bytes may have to be read again after a power cut.
  private static let settling: Int64 = 1 << 30
  /// How long an entry is believed, in seconds.
  static let lifetime: Double = 7 * 86_400

  private init(
    _ file: DataFile, seed: String, earlier: Set<Digest>, end: Int, givenMode: UInt32?, hasEntries: Bool
  ) {
    self.file = file
    self.seed = seed
    self.earlier = earlier
    self.givenMode = givenMode
    state = Mutex(State(end: Int64(end), hasEntries: hasEntries))
  }

  /// A seed that no earlier run had.
  static func freshSeed() -> String {
    let text = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  /// Opens or makes the journal at `path` and locks it. Throws ``FileError``, `locked` among them, and `foreign` for a
  /// file that holds anything else or is not this user's alone; that stays as it is. `isNamed`: the user named it. `now`
  /// is what entries are too old by. Blocks.
  static func open(
    at path: String, isNamed: Bool = false, now: Date = Date()
  ) throws(FileError) -> ReadBackJournal {
    let isGiven = isNamed && DataFile.exists(path)
    let file = try FileLock.create(path, privately: true)
    let size = try file.size()
    guard size <= longest else { throw .foreign(path: path, .content) }
    let bytes = try file.read(Int(size), at: 0)
    let content = ReadBackText(bytes)
    guard content != nil || bytes.isEmpty || !isNamed && isTorn(bytes) else {
      throw .foreign(path: path, .content)
    }
    let mode = try file.makePrivate()
    let givenMode = bytes.isEmpty && isGiven ? mode : nil
    guard let content else {
      let seed = freshSeed()
      let header = ReadBackText.header(seed: seed)
      try file.truncate(to: 0)
      try unsafe file.write(header.span.bytes, at: 0)
      try? file.synchronizeName()
      return ReadBackJournal(
        file, seed: seed, earlier: [], end: header.count, givenMode: givenMode, hasEntries: false)
    }
    try file.truncate(to: Int64(content.end))
    let seconds = now.timeIntervalSince1970
    let believed = content.entries.filter { (seconds - lifetime...seconds).contains(Double($0.read)) }
    return ReadBackJournal(
      file, seed: content.seed, earlier: Set(believed.map(\.key)), end: content.end, givenMode: givenMode,
      hasEntries: !content.entries.isEmpty)
  }

  /// Throws what ``open(at:isNamed:now:)`` would for a file that the user named, but for who has it locked; changes and
  /// leaves nothing.
  static func check(at path: String) throws(FileError) {
    guard DataFile.exists(path) else { return try AtomicFile.checkCreating(beside: path) }
    try DataFile.checkOwn(path)
    let file = try DataFile.open(reading: path, following: false)
    let size = try file.size()
    guard size <= longest else { throw .foreign(path: path, .content) }
    let bytes = try file.read(Int(size), at: 0)
    guard bytes.isEmpty || ReadBackText(bytes) != nil else { throw .foreign(path: path, .content) }
  }

  /// Whether these bytes are the beginning of a header, or zeros, as a power cut may leave them: that is believed of a
  /// name that is Ferry's own.
  private static func isTorn(_ bytes: [UInt8]) -> Bool {
    let written = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
    return bytes.count - written <= most && ReadBackText.isBeginningOfHeader(Array(bytes[..<written]))
  }

  /// Whether an earlier run has read the blob there.
  func hasRead(_ blob: Descriptor, in repository: String, of registry: String) -> Bool {
    earlier.contains(ReadBackRecord(blob, in: repository, of: registry, at: Date()).key)
  }

  /// The blob was read to its end, and is right.
  func note(_ blob: Descriptor, in repository: String, of registry: String) {
    let line = ReadBackRecord(blob, in: repository, of: registry, at: Date()).line
    let isDue = state.withLock { state in
      guard !state.isBroken, state.end + Int64(line.count) <= Self.longest else { return false }
      do {
        try unsafe file.write(line.span.bytes, at: state.end)
        state.end += Int64(line.count)
        state.hasEntries = true
      } catch {
        state.isBroken = true
        return false
      }
      state.unsettled = [state.unsettled, blob.size].saturatingSum()
      guard state.unsettled >= Self.settling else { return false }
      state.unsettled = 0
      return true
    }
    if isDue { try? file.synchronizeData() }
  }

  /// Ends the run: the file stays only where something is left to be read and a next run finds something in it.
  func finish(isComplete: Bool) {
    let isOver = state.withLock { isComplete || !$0.hasEntries }
    guard isOver else { return }
    guard let givenMode else { return file.remove() }
    try? file.truncate(to: 0)
    file.setPermissions(givenMode)
  }

  deinit {
    // Broken off before anything was read: nothing is to be resumed.
    if state.withLock({ !$0.hasEntries }) { finish(isComplete: true) }
  }
}

/// One line of a check's journal: a blob that was read back and is right.
struct ReadBackRecord: Codable, Hashable, Sendable {
  let registry: String
  let repository: String
  let digest: Digest
  /// In bytes.
  let size: Int64
  /// When its last byte came, in seconds since 1970.
  let read: Int64

  init(_ blob: Descriptor, in repository: String, of registry: String, at time: Date) {
    self.registry = registry
    self.repository = repository
    digest = blob.digest
    size = blob.size
    read = Int64(time.timeIntervalSince1970)
  }

  /// What it is of, whenever that was.
  var key: Digest { Digest(of: Array("\(registry)/\(repository)@\(digest) \(size)".utf8)) }

  /// The record as a line, its end included.
  var line: [UInt8] {
    Array(
      #"{"digest":"\#(digest)","read":\#(read),"registry":"\#(registry)","repository":"\#(repository)","size":\#(size)}"#
        .utf8) + [UInt8(ascii: "\n")]
  }
}

/// A check's journal as its file holds it: a header, then complete lines, byte by byte as Ferry writes them, and perhaps the
/// beginning of one that a crash has cut.
struct ReadBackText {
  let seed: String
  /// What each line is of, and when it was read.
  let entries: [(key: Digest, read: Int64)]
  /// Where the last complete line ends, in bytes.
  let end: Int

  private static let opening = Array(#"{"schema":"ferry/check-journal/v1","seed":""#.utf8)
  private static let closing = Array("\"}\n".utf8)
  private static let seedLength = 16
  /// A longer line is none of Ferry's.
  private static let longestLine = 4 << 10

  static func header(seed: String) -> [UInt8] { opening + Array(seed.utf8) + closing }

  /// Whether the bytes are cut within a header.
  static func isBeginningOfHeader(_ bytes: [UInt8]) -> Bool {
    guard bytes.count < opening.count + seedLength + closing.count else { return false }
    guard bytes.count > opening.count else { return opening.starts(with: bytes) }
    let rest = bytes[opening.count...]
    return bytes.starts(with: opening) && rest.prefix(seedLength).allSatisfy(isHexadecimal)
      && closing.starts(with: rest.dropFirst(seedLength))
  }

  /// nil for anything else than a journal.
  init?(_ bytes: [UInt8]) {
    let headerLength = Self.opening.count + Self.seedLength + Self.closing.count
    guard bytes.count >= headerLength else { return nil }
    let seed = bytes[Self.opening.count..<Self.opening.count + Self.seedLength]
    guard seed.allSatisfy(Self.isHexadecimal) else { return nil }
    self.seed = String(decoding: seed, as: UTF8.self)
    guard bytes.starts(with: Self.header(seed: self.seed)) else { return nil }
    var entries: [(key: Digest, read: Int64)] = []
    let lines = bytes[headerLength...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for line in lines.dropLast() {
      guard line.count <= Self.longestLine,
        let record = try? DocumentShape.loose.decode(ReadBackRecord.self, from: Array(line)),
        record.line.dropLast().elementsEqual(line)
      else { return nil }
      entries.append((record.key, record.read))
    }
    let torn = lines.last ?? []
    guard Self.isTorn(torn) else { return nil }
    self.entries = entries
    end = bytes.count - torn.count
  }

  /// Whether it is how a record begins; behind that a power cut may have left zeros.
  private static func isTorn(_ line: ArraySlice<UInt8>) -> Bool {
    let written = line.prefix { $0 != 0 }
    guard written.count <= longestLine, line.count <= 64 << 10,
      line.dropFirst(written.count).allSatisfy({ $0 == 0 })
    else { return false }
    var rest = written
    for (text, isPart) in parts {
      let there = rest.prefix(text.utf8.count)
      guard there.elementsEqual(text.utf8.prefix(there.count)) else { return false }
      rest = rest.dropFirst(text.utf8.count).drop(while: isPart)
    }
    return rest.isEmpty
  }

  /// What a record's line is made of: each text, and the bytes of the value behind it.
  private static let parts: [(String, @Sendable (UInt8) -> Bool)] = [
    (#"{"digest":""#, isOfName), (#"","read":"#, isDigit), (#","registry":""#, isOfName),
    (#"","repository":""#, isOfName), (#"","size":"#, isDigit), ("}", { _ in false }),
  ]

  private static func isOfName(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
