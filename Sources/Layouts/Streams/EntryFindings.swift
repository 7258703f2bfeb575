import Digests
import Files
import Tar

/// How far an entry's content has come, and what it hashes to.
struct EntryReading {
  /// What has not come, in bytes.
  var rest: Int64
  var hashers: [ContentHasher]

  init(_ size: Int64, by algorithms: Set<Digest.Algorithm>) {
    rest = size
    hashers = Digest.Algorithm.allCases.filter(algorithms.contains).map { ContentHasher($0) }
  }
}

/// What is learnt of an entry's content beyond what it hashes to, while it passes.
struct EntryFindings {
  /// What it unpacks to.
  private(set) var content = PassedContent.Content.unknown
  /// What is known of images in it.
  private(set) var verdict = NestedFile.Verdict.other

  typealias Source = (UnsafeMutableRawBufferPointer) throws(TarError) -> Int

  /// Unpacks what `source` gives, which puts at least one byte into a buffer, 0 only at the end, and hashes it by `algorithms`; it is
  /// judged as well if it is `nested`. What is wrong with it is found, and not thrown. Throws what `source` throws.
  static func unpacking(
    _ compression: Compression, by algorithms: [Digest.Algorithm], _ nested: NestedFile?,
    within bounds: NestedFile.Bounds, from source: Source
  ) throws(TarError) -> EntryFindings {
    var hashers = algorithms.map { ContentHasher($0) }
    var found = EntryFindings()
    // What is damaged before it was judged may be anything.
    if nested != nil { found.verdict = .unknown }
    let decompressor = Decompressor(compression, memoryLimit: bounds.memory, within: bounds.allowance)
    let fault = try unsafe fault(of: source) { source in
      try unsafe decompressor.reading(from: source) { content in
        func hashed(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
          let count = try unsafe content(buffer)
          let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
          for index in hashers.indices { unsafe hashers[index].update(piece.bytes) }
          return count
        }
        if let nested { found.verdict = try unsafe nested.verdict(within: bounds, unpacking: hashed) }
        try unsafe Pieces.forEach(from: hashed) { _ in }
      }
    }
    if let fault {
      found.content = fault.isOfBounds ? .refused(fault) : .damaged
    } else {
      found.content = .digests(hashers.map { $0.digest() })
    }
    return found
  }

  /// Judges what `source` gives. What is wrong with it is found, and not thrown. Throws what `source` throws.
  static func judging(
    _ nested: NestedFile, within bounds: NestedFile.Bounds, from source: Source
  ) throws(TarError) -> EntryFindings {
    var found = EntryFindings()
    found.verdict = .unknown
    _ = try unsafe fault(of: source) { source in
      found.verdict = try unsafe nested.verdict(within: bounds, passing: source)
    }
    return found
  }

  /// Lends `source` to `body`. Returns what `body` throws of itself, and throws what `source` throws.
  private static func fault(
    of source: Source, _ body: ((UnsafeMutableRawBufferPointer) throws -> Int) throws -> Void
  ) throws(TarError) -> TarError? {
    var failed: TarError?
    do {
      try unsafe withoutActuallyEscaping(source) { source in
        try unsafe body { buffer in
          do throws(TarError) { return try unsafe source(buffer) } catch {
            failed = error
            throw error
          }
        }
      }
      return nil
    } catch {
      if let failed { throw failed }
      return TarError.of(error)
    }
  }
}
