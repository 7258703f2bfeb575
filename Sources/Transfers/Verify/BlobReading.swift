import Digests
import Layouts
import Tar

/// What reading one blob of an archive showed.
struct BlobReading: Sendable {
  let digest: Digest
  let problem: LayoutProblem?
  /// The digests of the decompressed content, by the algorithms that were asked for; none when it was not asked for or could
  /// not be had.
  var contents: [Digest] = []
  /// Whether it unpacks to more than is read of any, or takes more memory than any may: what it holds cannot be told.
  var isBoundless = false

  /// The digest of the decompressed content by the usual algorithm.
  var diffID: Digest? { contents.first { $0.algorithm == .sha256 } }

  /// Reads the blob once, hashing it and, with a `memoryLimit`, its decompressed form by `algorithms`. Blocks. Throws
  /// ``TarError/needsMemory(_:path:need:limit:)`` where that takes more than so many bytes of memory.
  static func read(
    _ digest: Digest, in layout: Layout, unpackingWithin memoryLimit: Int64? = nil,
    of allowance: UnpackingAllowance? = nil, by algorithms: Set<Digest.Algorithm> = [.sha256],
    progress: @escaping (Int64) -> Void
  ) throws -> BlobReading {
    let size = layout.blobs[digest]?.size ?? 0
    return try unsafe read(
      digest, size: size, unpackingWithin: memoryLimit, of: allowance, by: algorithms, progress: progress
    ) { buffer, offset in
      try unsafe layout.read(digest, into: buffer, at: offset)
    }
  }

  /// Blobs of a layout that is read in order: what they were found to be as it passed. One that was not looked into then, or
  /// not as it is wanted, is read once more. Blocks.
  static func passed(
    _ digests: some Sequence<Digest>, in layout: Layout, unpacking layers: WantedContents = WantedContents(),
    within memoryLimit: Int64 = 0, of allowance: UnpackingAllowance? = nil
  ) throws -> [BlobReading] {
    let places = digests.map { (digest: $0, offset: layout.blobs[$0]?.offset ?? 0) }
    return try places.sorted { $0.offset < $1.offset }.map { digest, _ in
      let algorithms = layers[digest]
      guard let passage = layout.passage(of: digest),
        let actual = passage.digest(by: digest.algorithm),
        algorithms.map(passage.content.tells) ?? true
      else {
        return try read(
          digest, in: layout, unpackingWithin: algorithms == nil ? nil : memoryLimit, of: allowance,
          by: algorithms ?? []
        ) { _ in }
      }
      var contents: [Digest] = []
      var isBoundless = false
      switch passage.content {
      case .refused(let error): if algorithms != nil { isBoundless = try Self.isBoundless(digest, error) }
      case .digests(let found): if algorithms != nil { contents = found }
      case .damaged, .unknown: break
      }
      return BlobReading(
        digest: digest, problem: actual == digest ? nil : .damaged(digest, actual: actual),
        contents: contents, isBoundless: isBoundless)
    }
  }

  /// Whether a blob was not unpacked for what it becomes. Throws the error where another run may unpack it, with more memory.
  private static func isBoundless(_ digest: Digest, _ error: TarError) throws(TarError) -> Bool {
    switch error {
    case .expands: return true
    case .needsMemory(let compression, _, let need, _) where need > compression.largestWindow: return true
    default: break
    }
    guard error.isOfBounds else { return false }
    throw error.located(in: "blob \(digest)")
  }

  /// Goes through an archive that passes by to its end, or to where nothing more can be had of it: `read` is given each blob, to
  /// read it from `stream`. What is wrong outside the blobs is returned. Blocks.
  static func forEach(
    of stream: StreamedLayout, _ read: (PlannedBlob) throws -> Void
  ) throws -> [LayoutProblem] {
    do {
      while let due = stream.blob {
        try read(due)
        // Whether its bytes are the right ones or not: that is found, and what follows is to be read too.
        try stream.skip()
      }
    } catch LayoutError.brokenStream(_, let problems) {
      return stream.problems + problems
    }
    return stream.problems
  }

  /// The same for the blob that is due in an archive that passes by.
  static func read(
    _ due: PlannedBlob, in stream: StreamedLayout, unpackingWithin memoryLimit: Int64? = nil,
    of allowance: UnpackingAllowance? = nil, by algorithms: Set<Digest.Algorithm> = [.sha256],
    progress: @escaping (Int64) -> Void
  ) throws -> BlobReading {
    try unsafe read(
      due.digest, size: due.size, unpackingWithin: memoryLimit, of: allowance, by: algorithms,
      progress: progress
    ) { buffer, offset in try unsafe stream.read(due.digest, into: buffer, at: offset) }
  }

  /// The same for a blob of any place; `source` fills a buffer from an offset on, and returns 0 at the blob's end.
  static func read(
    _ digest: Digest, size: Int64, unpackingWithin memoryLimit: Int64? = nil,
    of allowance: UnpackingAllowance? = nil, by algorithms: Set<Digest.Algorithm> = [.sha256],
    progress: @escaping (Int64) -> Void,
    from source: @escaping (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) throws -> BlobReading {
    let reader = unsafe BlobReader(digest, size: size, progress: progress, from: source)
    var contents: [Digest] = []
    var isBoundless = false
    if let memoryLimit {
      var hashers = algorithms.map { ContentHasher($0) }
      do {
        let decompressor = Decompressor(
          try reader.compression(), memoryLimit: memoryLimit, isOneOfMany: true, within: allowance)
        try unsafe decompressor.decompress(
          from: { unsafe try reader.next(into: $0) },
          into: { piece in for index in hashers.indices { hashers[index].update(piece) } })
        contents = hashers.map { $0.digest() }
      } catch let error as TarError {
        // Not content that can be compared; whether the bytes are the right ones is told below.
        isBoundless = try Self.isBoundless(digest, error)
      }
    }
    return BlobReading(
      digest: digest, problem: try reader.finish(), contents: contents, isBoundless: isBoundless)
  }
}

/// The layers of which it is asked what they unpack to, and by which algorithms configs say that.
struct WantedContents: Sendable {
  private var layers: Set<Digest> = []
  /// All algorithms of the layers that are wanted by others than the usual one.
  private var unusual: [Digest: Set<Digest.Algorithm>] = [:]

  var isEmpty: Bool { layers.isEmpty }

  mutating func add(_ layer: Digest, by algorithm: Digest.Algorithm = .sha256) {
    let isNew = layers.insert(layer).inserted
    guard algorithm != .sha256 || unusual[layer] != nil else { return }
    unusual[layer, default: isNew ? [] : [.sha256]].insert(algorithm)
  }

  /// nil of what is none of the layers.
  subscript(layer: Digest) -> Set<Digest.Algorithm>? {
    layers.contains(layer) ? unusual[layer] ?? [.sha256] : nil
  }
}

/// Reads a blob from its first byte to its last, hashing what passes.
@safe private final class BlobReader {
  private let source: (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  private let digest: Digest
  private let progress: (Int64) -> Void
  private var verifier: BlobVerifier

  init(
    _ digest: Digest, size: Int64, progress: @escaping (Int64) -> Void,
    from source: @escaping (UnsafeMutableRawBufferPointer, Int64) throws -> Int
  ) {
    unsafe self.source = source
    self.digest = digest
    self.progress = progress
    verifier = BlobVerifier(digest: digest, size: size)
  }

  /// How the content is compressed, by its first bytes: media types are not always right.
  func compression() throws -> Compression {
    var magic = [UInt8](repeating: 0, count: Compression.magicSize)
    let count = try unsafe magic.withUnsafeMutableBytes { unsafe try source($0, 0) }
    return Compression(magic: magic.prefix(count))
  }

  /// The next bytes; 0 at the end.
  func next(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try Task.checkCancellation()
    let count = try unsafe source(buffer, verifier.received)
    try verifier.update(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
    progress(verifier.received)
    return count
  }

  /// Reads what is left and says what is wrong with the whole.
  func finish() throws -> LayoutProblem? {
    try unsafe ContentPieces.read(verifier.received..<verifier.size, from: source) { piece in
      try verifier.update(piece)
      progress(verifier.received)
    }
    do {
      _ = try verifier.check()
      return nil
    } catch .mismatch(_, let actual) {
      return .damaged(digest, actual: actual)
    } catch {
      return .wrongSize(digest, expected: verifier.size, actual: verifier.received)
    }
  }
}
