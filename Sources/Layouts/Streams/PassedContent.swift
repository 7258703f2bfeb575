import Digests
public import Files
import Images
import Synchronization
import Tar

/// An archive that comes from its first byte to its last, through a pipe or out of a compressed file, read through once in
/// whatever order its entries are: each file in it was hashed on the way, and what describes images is kept, in a file without
/// a name where it is large.
///
/// What is not kept is read again from the beginning, where that can be; for who reads on in the archive's order that is one
/// more reading in all.
public final class PassedContent: RandomAccess {
  private struct State: ~Copyable {
    var stream: PassingStream
    /// Where what ``stream`` gives next stands.
    var position: Int64 = 0
    /// What came last, while the archive passes: an entry's headers are looked at more than once.
    var window: [UInt8] = []
    /// The archive's size in bytes, once all has passed.
    var size: Int64?
    var isPassing = true
    var failure: TarError?
    /// How often it was begun again, until it is known what it is, and how much was read then, in bytes.
    var repeats: Int? = 0
    var repeated: Int64 = 0
    var passages = Passages()
    var kept: KeptPieces
    /// What is known of files that are no blobs, by where they begin; nothing of those that hold no images.
    var verdicts: [Int64: NestedFile.Verdict] = [:]
    /// By what digests are that were read of so far.
    var algorithms: Set<Digest.Algorithm> = [.sha256]
    /// Where the tar's end is, behind which nothing is kept but the first byte that is no zero.
    var tail: Int64 = .max

    var windowStart: Int64 { position - Int64(window.count) }
  }

  public let path: String
  /// Whether blobs are unpacked as they pass.
  private let unpacksBlobs: Bool
  private let content: StreamedContent
  /// What it comes out of, where that can be read once more.
  private let source: StreamedContent?
  /// What looking into its files may cost.
  private let bounds: NestedFile.Bounds
  private let state: Mutex<State>

  private static let pieceSize = 256 << 10
  /// How often it is read from its beginning to learn what it is: a hostile one would have that done for each of its files; and
  /// how much is read for that, in bytes, and for each byte of it as it lies there.
  private static let mostRepeats = 256
  private static let (mostRepeated, timesRepeated): (Int64, Int64) = (4 << 30, 64)
  /// The most zeros behind a tar's end that are read, in bytes.
  private static let longestTail: Int64 = 64 << 20

  private init(
    _ content: StreamedContent, after front: ContentFront?, unpacksBlobs: Bool, keepingIn directory: String,
    memoryLimit: Int64
  ) {
    path = content.path
    self.content = content
    bounds = NestedFile.Bounds(
      memory: memoryLimit, allowance: UnpackingAllowance { content.storedSize })
    let isRepeatable = content.isRepeatable
    // What is gone cannot be looked into later.
    self.unpacksBlobs = unpacksBlobs || !isRepeatable
    source = isRepeatable ? content : nil
    state = Mutex(
      State(
        stream: PassingStream(front, content), kept: KeptPieces(in: directory, called: content.path)))
  }

  /// Reads all of `content`, of which `front` came before; `unpacksBlobs` also learns what layers unpack to. What is kept and is
  /// large goes into a nameless file of `directory`. Throws ``LayoutError``.
  static func read(
    _ content: StreamedContent, after front: ContentFront?, unpacksBlobs: Bool,
    keepingIn directory: String, memoryLimit: Int64
  ) throws(LayoutError) -> (content: PassedContent, tar: TarIndex) {
    let passed = PassedContent(
      content, after: front, unpacksBlobs: unpacksBlobs, keepingIn: directory, memoryLimit: memoryLimit)
    do throws(TarError) {
      return (passed, try passed.pass())
    } catch .notATar where passed.state.withLock({ $0.size == 0 }) {
      throw .truncated(path: content.path, at: 0)
    } catch {
      throw LayoutError(error, in: content.path)
    }
  }

  /// Ends the time in which it is not read over and over: what it is is known now, and its blobs are read in what order they are
  /// wanted.
  func endRepeats() { state.withLock { $0.repeats = nil } }

  /// Whether what is not kept can be read again.
  var isRepeatable: Bool { source != nil }

  /// How many bytes it takes up as it lies there, as far as it has passed.
  var storedSize: Int64 { content.storedSize }

  /// In bytes; as large as can be while the end has not come.
  public func size() -> Int64 { state.withLock { $0.size ?? .max } }

  /// What the file that begins at `offset` was found to be; nil where none of that size does.
  func passage(at offset: Int64, size: Int64) -> Passage? {
    state.withLock { $0.passages.passage(at: offset) }.flatMap { $0.size == size ? $0 : nil }
  }

  /// What is known of images in the file that begins at `offset`.
  func verdict(at offset: Int64) -> NestedFile.Verdict { state.withLock { $0.verdicts[offset] ?? .other } }

  /// Throws ``FileError/passed(path:)`` for what is not kept and cannot be had again.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try state.withLock { (state) throws(FileError) in
      do throws(TarError) {
        return state.isPassing
          ? try unsafe readPassing(into: buffer, at: offset, &state)
          : try unsafe readPassed(into: buffer, at: offset, &state)
      } catch .file(let error) {
        throw error
      } catch {
        state.failure = error
        throw .sourceFailed(path: path)
      }
    }
  }

  // MARK: While it passes

  /// Reads the tar's index, and each entry's content with it.
  private func pass() throws(TarError) -> TarIndex {
    var failed: TarError?
    var tar: TarIndex
    do throws(TarError) {
      tar = try TarIndex.read(self, names: .layout) { entry in
        do throws(TarError) {
          try state.withLock { (state) throws(TarError) in try take(entry, &state) }
          return false
        } catch {
          failed = error
          return true
        }
      }
    } catch {
      guard case .file(.sourceFailed) = error, let failure = state.withLock({ $0.failure }) else {
        throw error
      }
      throw failure
    }
    if let failed { throw failed }
    return try state.withLock { (state) throws(TarError) in
      if case .marker(let offset) = tar.end { state.tail = offset + Int64(TarHeader.endMarker.count) }
      let size = try drain(&state)
      tar = tar.ofFile(size: size, isCut: state.stream.isCut)
      return tar
    }
  }

  private func readPassing(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ state: inout State
  ) throws(TarError) -> Int {
    guard offset >= state.windowStart else { throw .file(.passed(path: path)) }
    if offset > state.position {
      try skip(to: offset, &state)
      state.window = []
      guard state.position == offset else { return 0 }
    }
    let start = Int(offset - state.windowStart)
    let wanted = start + buffer.count - state.window.count
    if wanted > 0 {
      let piece = try bytes(wanted, &state)
      state.window += piece
    }
    let part = state.window[min(start, state.window.count)...].prefix(buffer.count)
    unsafe buffer.copyBytes(from: part)
    return part.count
  }

  /// The next bytes; fewer only at the end, which is known then.
  private func bytes(_ count: Int, _ state: inout State) throws(TarError) -> [UInt8] {
    var stream = state.stream
    let piece = try unsafe Pieces.bytes(count) { (buffer) throws(TarError) in
      try unsafe stream.read(into: buffer)
    }
    state.stream = stream
    state.position += Int64(piece.count)
    if piece.count < count { state.size = state.position }
    return piece
  }

  private func skip(to offset: Int64, _ state: inout State) throws(TarError) {
    while state.position < offset, state.size == nil {
      guard !Task.isCancelled else { throw .file(.cancelled) }
      _ = try bytes(Int(min(offset - state.position, Int64(Self.pieceSize))), &state)
    }
  }

  /// Reads an entry's content to its end, whose headers were read.
  private func take(_ entry: TarEntry, _ state: inout State) throws(TarError) {
    let read = Int(clamping: max(0, entry.offset - state.windowStart))
    state.window.removeFirst(min(read, state.window.count))
    guard entry.kind == .file else { return }
    let path = TarPath.plain(entry.path)
    // A blob is hashed as its name says, and everything by what digests usually are by. What cannot be had again may be asked
    // for by what is named before it.
    let named = BlobPath.digest(of: path)?.algorithm
    if let named { state.algorithms.insert(named) }
    let usual: Set<Digest.Algorithm> = source == nil ? state.algorithms : [.sha256]
    var reading = EntryReading(entry.size, by: usual.union(named.map { [$0] } ?? []))
    var start: [UInt8] = []
    while start.count < Compression.magicSize {
      let piece = try next(Compression.magicSize - start.count, of: entry, &reading, &state)
      guard !piece.isEmpty else { break }
      start += piece
    }
    let isKept = isKept(path, entry.size, beginningWith: start.first)
    try state.kept.append(start, at: entry.offset, isWhole: isKept)
    var search = source == nil && isKept ? AlgorithmSearch() : nil
    search?.look(at: start)

    let compression = Compression(magic: start)
    let unpacks =
      compression != .none && !isKept && (unpacksBlobs || BlobPath.digest(of: path) == nil)
    var first = start[...]
    func come(_ buffer: UnsafeMutableRawBufferPointer) throws(TarError) -> Int {
      var piece = first.prefix(buffer.count)
      first = first.dropFirst(piece.count)
      if piece.isEmpty {
        piece = try next(buffer.count, of: entry, &reading, &state)[...]
        if isKept { try state.kept.extend(Array(piece)) }
        search?.look(at: Array(piece))
      }
      unsafe buffer.copyBytes(from: piece)
      return piece.count
    }
    var found = EntryFindings()
    let nested = NestedFile(path)
    if unpacks {
      let algorithms = reading.hashers.map(\.algorithm)
      found = try unsafe .unpacking(compression, by: algorithms, nested, within: bounds, from: come)
    } else if let nested {
      found = try unsafe .judging(nested, within: bounds, from: come)
    }
    if found.verdict != .other { state.verdicts[entry.offset] = found.verdict }
    while reading.rest > 0 {
      let piece = try next(Self.pieceSize, of: entry, &reading, &state)
      guard !piece.isEmpty else { return }
      if isKept { try state.kept.extend(piece) }
      search?.look(at: piece)
    }
    state.algorithms.formUnion(search?.found ?? [])
    let digests = reading.hashers.map { $0.digest() }
    let content = compression == .none ? .digests(digests) : found.content
    state.passages.append(Passage(size: entry.size, digests: digests, content: content), at: entry.offset)
  }

  /// The next bytes of an entry's content, at most `count`; none at its end, or where all ends.
  private func next(
    _ count: Int, of entry: TarEntry, _ reading: inout EntryReading, _ state: inout State
  ) throws(TarError) -> [UInt8] {
    guard !Task.isCancelled else { throw .file(.cancelled) }
    let wanted = Int(min(Int64(count), reading.rest))
    guard wanted > 0 else { return [] }
    let piece = try state.window.isEmpty ? bytes(wanted, &state) : Array(state.window.prefix(wanted))
    state.window.removeFirst(min(piece.count, state.window.count))
    reading.rest -= Int64(piece.count)
    for index in reading.hashers.indices { unsafe reading.hashers[index].update(piece.span.bytes) }
    return piece
  }

  /// Whether a file describes images, or may. What comes once is kept also where its first byte is wrong.
  private func isKept(_ path: String, _ size: Int64, beginningWith first: UInt8?) -> Bool {
    let isBlob = BlobPath.digest(of: path) != nil
    if TarContents.isOwn(path), !isBlob { return size <= FrontScan.limit(ofFile: path) }
    if source == nil, isBlob, size <= Int64(Manifest.sizeLimit) { return true }
    return size <= Int64(ImageConfig.sizeLimit) && first.map(Self.mayBeginDocument) ?? true
  }

  /// Reads what is left, so that all of it was seen to be sound where it is compressed. Returns the whole size.
  private func drain(_ state: inout State) throws(TarError) -> Int64 {
    var isClean = true
    func look(_ piece: some Sequence<UInt8>, at offset: Int64, _ kept: inout KeptPieces) throws(TarError) {
      guard isClean else { return }
      for (index, byte) in piece.enumerated() where byte != 0 && offset + Int64(index) >= state.tail {
        isClean = false
        try kept.append([byte], at: offset + Int64(index), isWhole: true)
        return
      }
    }
    var kept = state.kept
    try look(state.window, at: state.windowStart, &kept)
    state.window = []
    let end = state.tail.addingReportingOverflow(Self.longestTail)
    while state.size == nil {
      guard !Task.isCancelled else { throw .file(.cancelled) }
      let start = state.position
      try look(try bytes(Self.pieceSize, &state), at: start, &kept)
      guard end.overflow || state.position < end.partialValue else {
        // Zeros without end are more than fill a record.
        try kept.append([1], at: start, isWhole: true)
        state.size = state.position
        break
      }
    }
    state.kept = kept
    state.isPassing = false
    return state.position
  }

  // MARK: When it has passed

  private func readPassed(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ state: inout State
  ) throws(TarError) -> Int {
    guard offset >= 0, let size = state.size, offset < size else { return 0 }
    let wanted = Int(min(Int64(buffer.count), size - offset))
    var done = 0
    while done < wanted {
      let place = offset + Int64(done)
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<wanted])
      let count = try unsafe state.kept.read(into: room, at: place)
      if count > 0 {
        done += count
      } else if place >= state.tail {
        let zeros = state.kept.nearest(behind: place).map { Int(min(Int64(room.count), $0 - place)) }
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: room[..<(zeros ?? room.count)])
        _ = unsafe part.initializeMemory(as: UInt8.self, repeating: 0)
        done += part.count
      } else {
        done += try unsafe readAgain(into: room, at: place, &state)
      }
    }
    return done
  }

  private func readAgain(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ state: inout State
  ) throws(TarError) -> Int {
    if offset < state.position || state.stream.isAtEnd {
      guard let content = try source?.again() else { throw .file(.passed(path: path)) }
      if let repeats = state.repeats {
        let most = Self.mostRepeated + Self.timesRepeated * min(storedSize, 1 << 40)
        guard repeats < Self.mostRepeats, state.repeated <= most else {
          throw .file(.readTooOften(path: path, limit: Self.mostRepeats))
        }
        state.repeats = repeats + 1
        state.repeated.add(saturating: offset)
      }
      state.stream = PassingStream(nil, content)
      state.position = 0
    }
    let size = state.size
    state.size = nil
    defer { state.size = size }
    try skip(to: offset, &state)
    var stream = state.stream
    let count = try unsafe stream.read(into: buffer)
    state.stream = stream
    state.position += Int64(count)
    guard count == buffer.count else { throw .file(.shrunk(path: path)) }
    return count
  }
}
