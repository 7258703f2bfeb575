public import Digests
import Files
import Images
import Synchronization
public import Tar

/// An archive of Ferry's that is read as it comes, once: through a pipe, or out of a compressed file.
///
/// All that describes it stands at its front and is kept, in a file without a name where it is large, checked as in a file. Then its blobs come in
/// its order; of each, the last ``reach`` bytes can be read again. Bytes between the blobs are held against the
/// archive's one form, so that nothing can change unnoticed that would be noticed in a file.
public final class StreamedLayout: Sendable {
  private struct State: ~Copyable {
    var stream: PlannedStream?
    /// In its place where another tool packed the archive.
    var packed: PackedStream?
    var window = StreamWindow()

    // Mutating, for what cannot be copied is looked at in place.
    var blob: PlannedBlob? {
      mutating get {
        if let own = stream?.blob { return own }
        return packed?.blob
      }
    }

    var plan: ArchivePlan? {
      mutating get {
        if let own = stream?.plan { return own }
        return packed?.plan
      }
    }

    var problems: [LayoutProblem] {
      mutating get {
        if let own = stream?.problems { return own }
        return packed?.problems ?? []
      }
    }

    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
      if let count = try unsafe stream?.read(into: buffer) { return count }
      return try unsafe packed?.read(into: buffer) ?? 0
    }
  }

  /// What the archive's front shows. Of its blobs it has the manifests and the configs at hand; the others, which
  /// are to come, it lists where they have to be. When ``Layout/problems`` are found, nothing more is read.
  public let front: Layout
  private let content: StreamedContent
  private let state: Mutex<State>

  /// How much of what was read last can be read again, in bytes.
  public static let reach = Int64(StreamWindow.size)

  /// The most that the front of an archive may be, in bytes: that of 80,000 images.
  static let frontLimit: Int64 = 1 << 30

  /// Reads the archive's front, which is kept in a file of `directory` without a name where it is large. Throws
  /// ``LayoutError``, `notStreamable` for an archive that is not in the order in which Ferry writes.
  public static func open(
    _ content: StreamedContent, keepingFrontIn directory: String
  ) throws(LayoutError) -> StreamedLayout {
    try open(content, keeping: front(of: content, in: directory))
  }

  /// What comes first of `content`, kept in a file of `directory` without a name where it is large.
  public static func front(of content: StreamedContent, in directory: String) -> ContentFront {
    ContentFront(of: content, limit: frontLimit, spoolingIn: directory)
  }

  /// Reads the front of an archive and keeps it; `takesPacked` also that of one that another tool packed again in Ferry's order,
  /// of which what it packed beside it is not told. Where that throws `notStreamable`, `front` has all that has come.
  public static func open(
    _ content: StreamedContent, keeping front: ContentFront, takesPacked: Bool = false
  ) throws(LayoutError) -> StreamedLayout {
    var scan = FrontScan(front)
    let tar: TarIndex
    do throws(TarError) {
      tar = try TarIndex.read(front, names: .layout) { scan.isBeyond($0) }
    } catch .notATar where front.count == 0 {
      throw .truncated(path: content.path, at: 0)
    } catch .cutStream {
      // Where it ends as it lies there: of what it unpacks to nothing may have come.
      throw .truncated(path: content.path, at: content.storedSize)
    } catch {
      throw LayoutError(error, in: content.path)
    }
    if let (entry, limit) = scan.oversized {
      throw .oversized(path: content.path, entry: entry.path, size: entry.size, limit: limit)
    }
    if let obstacle = scan.obstacle { throw .notStreamable(path: content.path, obstacle) }
    if let entry = scan.misplaced { throw .notStreamable(path: content.path, .order(entry: entry.path)) }
    // Docker's list of no image needs nothing but itself.
    if scan.isDockerSave { throw .notStreamable(path: content.path, .foreign) }
    let kept = StreamFront(front)
    var source = LayoutSource(
      file: kept, tar: tar, entries: try TarContents(tar, of: kept.path).comparingCopies(in: kept),
      form: .tar, memoryLimit: Decompressor.usualMemory)
    source.stored = content.storedSize
    let described = try LayoutFront.read(source)
    guard described.isWrittenByFerry else { throw .notStreamable(path: content.path, .foreign) }
    var check = try LayoutCheck.examine(front: described, kept: kept.count)

    var state = State()
    if let plan = check.plan {
      let form = CanonicalForm(plan: plan, tar: tar, file: kept)
      guard !form.isPackedByAnother else {
        // Its layers may come before its configs.
        guard takesPacked, !form.holdsOwnHeader, scan.hasConfigs, case .none(let end) = tar.end else {
          throw .notStreamable(path: content.path, .foreign)
        }
        return try packed(
          PackedStream(plan, front: end, after: kept, of: content), &check, after: kept, of: content)
      }
      var stream = PlannedStream(plan, after: kept, of: content, hasConfigs: scan.hasConfigs)
      do throws(LayoutError) {
        try stream.advance()
      } catch .brokenStream(_, let problems) {
        check.note(problems)
      }
      check.note(stream.problems)
      try check.expectRest(after: kept)
      if check.problems.isEmpty {
        state.window.restart(for: stream.blob?.size ?? 0)
        state.stream = consume stream
      }
    }
    try check.expectImages()
    return StreamedLayout(Layout(check), state, content)
  }

  private static func packed(
    _ stream: consuming PackedStream, _ check: inout LayoutCheck, after kept: StreamFront,
    of content: StreamedContent
  ) throws(LayoutError) -> StreamedLayout {
    try check.expectRest(packedAfter: kept)
    var state = State()
    if check.problems.isEmpty {
      do throws(LayoutError) {
        try stream.advance()
      } catch .brokenStream(_, let problems) {
        check.note(problems)
      }
      check.note(stream.problems)
    }
    if check.problems.isEmpty {
      state.window.restart(for: stream.blob?.size ?? 0)
      state.packed = consume stream
    }
    try check.expectImages()
    return StreamedLayout(Layout(check), state, content)
  }

  private init(_ front: Layout, _ state: consuming sending State, _ content: StreamedContent) {
    self.front = front
    self.content = content
    self.state = Mutex(state)
  }

  /// How many bytes it takes up as it lies there; of what comes through a pipe, what has come so far.
  public var storedSize: Int64 { content.storedSize }

  /// The blob whose content comes next, or is coming; nil when the archive has ended, as it should.
  public var blob: PlannedBlob? { state.withLock { $0.blob } }

  /// Whether the front is sound, so that the rest is read.
  public var isSound: Bool { front.problems.isEmpty }

  /// The manifests in the front, proved.
  public var manifests: [Digest] { state.withLock { $0.plan?.manifests.map(\.digest) ?? [] } }

  /// Configs and layers, in the order in which they come.
  public var blobs: [PlannedBlob] { state.withLock { $0.plan?.blobs ?? [] } }

  /// What was found wrong behind the front so far, and can be passed over.
  public var problems: [LayoutProblem] { state.withLock { $0.problems } }

  /// Whether its blobs have come in another order than Ferry writes so far, each with Ferry's header: another tool packed it.
  public var isRearranged: Bool { state.withLock { $0.stream?.isRearranged ?? false } }

  /// Fills `buffer` with bytes of ``blob`` from `offset` on, which is at most as far back as ``reach`` and not
  /// beyond what was read; 0 only at the blob's end. Nothing is proved. Throws ``LayoutError/passed(_:offset:)``,
  /// and ``LayoutError/brokenStream(path:_:)`` when nothing more comes.
  public func read(
    _ digest: Digest, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(LayoutError) -> Int {
    try state.withLock { (state) throws(LayoutError) in
      guard let size = state.blob?.size, state.blob?.digest == digest,
        offset <= state.window.end
      else { throw .outOfOrder(digest) }
      guard offset >= state.window.start else { throw .passed(digest, offset: offset) }
      if offset < state.window.end { return unsafe state.window.copy(into: buffer, at: offset) }
      let count = min(buffer.count, StreamWindow.size, Int(clamping: size - offset))
      guard count > 0 else { return 0 }
      let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let read = try unsafe state.read(into: room)
      unsafe state.window.append(UnsafeRawBufferPointer(rebasing: room[..<read]))
      return read
    }
  }

  /// Goes on behind ``blob``, all of which was read and proved. Throws ``LayoutError/brokenStream(path:_:)`` when
  /// something else follows than has to.
  public func complete(_ proof: Proof) throws(LayoutError) {
    try state.withLock { (state) throws(LayoutError) in
      guard state.blob?.digest == proof.digest, state.blob?.size == state.window.end else {
        throw .outOfOrder(proof.digest)
      }
      try Self.advance(&state)
    }
  }

  /// Goes on behind ``blob``, whatever of it was read; it is not proved.
  public func skip() throws(LayoutError) {
    guard let blob else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var position = state.withLock { $0.window.end }
    while position < blob.size { position += Int64(try unsafe read(blob.digest, into: buffer, at: position)) }
    try state.withLock { (state) throws(LayoutError) in try Self.advance(&state) }
  }

  private static func advance(_ state: inout State) throws(LayoutError) {
    try state.stream?.advance()
    try state.packed?.advance()
    state.window.restart(for: state.blob?.size ?? 0)
  }
}

/// The last bytes of a blob that is streamed, so that what was read last can be read again.
struct StreamWindow: Sendable {
  /// The most that is held, in bytes: what an upload may have to send again after a cut line.
  static let size = 16 << 20

  /// A ring: the byte at an offset in the blob stands at that offset modulo the ring's size.
  private var ring: [UInt8] = []
  /// Where in the blob what is held begins and ends.
  private(set) var start: Int64 = 0
  private(set) var end: Int64 = 0

  /// Forgets all, for a blob of `size` bytes.
  mutating func restart(for size: Int64) {
    let needed = Int(min(size, Int64(Self.size)))
    if ring.count < needed { ring = [UInt8](repeating: 0, count: needed) }
    start = 0
    end = 0
  }

  /// Takes the next bytes of the blob, at most as many as it holds.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      let place = Int(end % Int64(ring.count))
      let count = unsafe min(rest.count, ring.count - place)
      unsafe ring.withUnsafeMutableBytes { ring in
        unsafe UnsafeMutableRawBufferPointer(rebasing: ring[place..<(place + count)]).copyBytes(
          from: rest.prefix(count))
      }
      end += Int64(count)
      unsafe rest = rest.dropFirst(count)
    }
    start = max(start, end - Int64(ring.count))
  }

  /// Copies what is held from `offset` on, which lies in the window; not necessarily all.
  func copy(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    let place = Int(offset % Int64(ring.count))
    let count = min(buffer.count, Int(end - offset), ring.count - place)
    unsafe buffer.copyBytes(from: ring[place..<(place + count)])
    return count
  }
}
