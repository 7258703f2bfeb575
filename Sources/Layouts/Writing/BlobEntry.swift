public import Digests

/// One blob of an archive that is being written: it owns the blob's position, hash, buffer and checkpoints, and nothing
/// else can write into the blob's extent. ``finish()`` is the only way a blob becomes proven: every byte of its extent
/// was then written by this value, or read from the file by it, in order, and hashed.
///
/// One file, volumes and a stream hand out the same kind of entry, each blob's one at a time.
public struct BlobEntry: ~Copyable, BlobReceiver {
  public let blob: PlannedBlob
  private let extent: any BlobExtentWriter
  private let progress: (Int64) -> Void
  private let buffer = GatheredBytes()
  private var verifier: BlobVerifier
  /// How many bytes lie at their place; behind them comes what is gathered.
  private var placed: Int64
  /// Up to where a later run knows of them.
  private var noted: Int64
  /// What a stream was given before the blob started over: it cannot be taken back, so what comes again must be it.
  private var sent: (count: Int64, content: Digest)?

  /// An entry that resumes behind what `verifier` has seen, which lies in the `extent`.
  init(
    _ blob: PlannedBlob, in extent: any BlobExtentWriter, behind verifier: consuming BlobVerifier,
    progress: @escaping (Int64) -> Void
  ) {
    self.blob = blob
    self.extent = extent
    self.progress = progress
    placed = verifier.received
    noted = verifier.received
    self.verifier = verifier
  }

  public var position: Int64 { verifier.received }

  /// Throws ``DigestError/long(expected:)``, and ``LayoutError``: `wrongContent` when a stream that starts over
  /// brings other bytes than have left already, and what the disk does not take.
  public mutating func write(_ bytes: RawSpan) throws {
    var fresh = bytes
    if let sent {
      let again = bytes.extracting(first: min(bytes.byteCount, Int(clamping: sent.count - position)))
      try verifier.update(again)
      try compare(with: sent)
      fresh = bytes.extracting(droppingFirst: again.byteCount)
    }
    try verifier.update(fresh)
    try take(fresh)
    progress(position)
    if let interval = extent.checkpointInterval, position - noted >= interval { try checkpoint() }
  }

  public mutating func restart() {
    if extent.isRewritable {
      // The bytes so far may be the wrong ones.
      if noted > 0 { extent.forget() }
      placed = 0
      noted = 0
    } else if sent == nil, placed > 0 {
      sent = (placed, verifier.contentDigest())
    }
    buffer.removeAll()
    verifier.restart()
    progress(0)
  }

  public func check() throws(DigestError) { _ = try verifier.check() }

  /// Ends the blob: all of it lies at its place and is right. Throws ``DigestError`` when it is not, and ``LayoutError``
  /// when that cannot be written or noted, `incomplete` when a piece was not; what has come then stays for a later run, as
  /// after ``suspend()``.
  public consuming func finish() throws {
    do {
      try check()
      try flush()
      // After a piece that could not be written, what came behind it was hashed and does not lie where it belongs.
      guard placed == blob.size else { throw LayoutError.incomplete([blob.digest]) }
      try extent.finish(after: noted)
    } catch {
      suspend()
      throw error
    }
  }

  /// Gives the blob up for this run. What has come stays for a later one, unless all is there and wrong.
  public consuming func suspend() {
    if position == blob.size, (try? check()) == nil {
      if extent.isRewritable { extent.forget() }
      return extent.suspend(at: nil)
    }
    try? flush()
    // What could not be written is not noted.
    guard placed == position, placed > noted else { return extent.suspend(at: nil) }
    extent.suspend(at: (placed, verifier.contentDigest(), after: noted))
  }

  /// Passes bytes that were hashed on to their place: what can be written again is gathered first.
  private mutating func take(_ bytes: RawSpan) throws(LayoutError) {
    guard bytes.byteCount > 0 else { return }
    guard extent.isRewritable else { return try put(bytes) }
    if bytes.byteCount > buffer.room { try flush() }
    if bytes.byteCount > buffer.room { try put(bytes) } else { buffer.append(bytes) }
  }

  /// Holds what has come again of a stream against what has left of it, once all of that is here.
  private mutating func compare(with earlier: (count: Int64, content: Digest)) throws(LayoutError) {
    guard position == earlier.count else { return }
    let actual = verifier.contentDigest()
    guard actual == earlier.content else {
      throw .wrongContent(blob.digest, .mismatch(expected: actual, actual: earlier.content))
    }
    sent = nil
  }

  /// Writes what is gathered and notes all of it for a later run.
  private mutating func checkpoint() throws(LayoutError) {
    try flush()
    try extent.checkpoint(at: placed, content: verifier.contentDigest(), after: noted)
    noted = placed
  }

  private mutating func flush() throws(LayoutError) {
    guard buffer.count > 0 else { return }
    try buffer.withBytes { (bytes) throws(LayoutError) in try put(bytes) }
    buffer.removeAll()
  }

  private mutating func put(_ bytes: RawSpan) throws(LayoutError) {
    try extent.put(bytes, at: placed)
    placed += Int64(bytes.byteCount)
  }
}

/// The place of one blob in what is being written. A writer makes one for each entry that it hands out; nobody else has it.
protocol BlobExtentWriter {
  /// Whether bytes can be put again: not where they were sent on.
  var isRewritable: Bool { get }
  /// How many bytes are written at most before they are noted; nil where nothing is.
  var checkpointInterval: Int64? { get }

  /// Writes bytes of the blob at `offset` inside it, behind those before or from zero again.
  func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError)
  /// Notes for a later run that the first `position` bytes hash to `content`; up to `noted` it knows already. Waits
  /// while the disk is too far behind.
  func checkpoint(at position: Int64, content: Digest, after noted: Int64) throws(LayoutError)
  /// Notes that what is there is of no use.
  func forget()
  /// Notes that the blob is whole and was hashed, and ends the entry.
  func finish(after noted: Int64) throws(LayoutError)
  /// Ends the entry without a proof, with a last checkpoint where there is something new to note. Never waits.
  func suspend(at checkpoint: (position: Int64, content: Digest, after: Int64)?)
}

/// Small pieces on their way to a file, gathered so that they need fewer calls of the system.
@safe private final class GatheredBytes {
  private static let capacity = 256 << 10

  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 4096)
  private(set) var count = 0

  deinit { unsafe buffer.deallocate() }

  var room: Int { Self.capacity - count }

  /// Takes as many bytes as there is ``room`` for, at most.
  func append(_ bytes: RawSpan) {
    let piece = bytes.extracting(first: room)
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
    unsafe piece.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    count += piece.byteCount
  }

  func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
  }

  func removeAll() { count = 0 }
}
