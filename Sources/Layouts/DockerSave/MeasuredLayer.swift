import Digests
import Files
import Tar

/// What a compressed layer hashes to, and what it unpacks to: docker's archives say only the second.
struct MeasuredLayer {
  /// By which algorithms it is measured.
  struct Algorithms: Hashable {
    var whole: Digest.Algorithm = .sha256
    var content: Digest.Algorithm = .sha256
  }

  let digest: Digest
  /// nil when it cannot be unpacked.
  let content: Digest?

  private static let pieceSize = 256 << 10

  /// Reads the layer through once.
  static func measure(
    _ extent: BlobExtent, in file: any RandomAccess, _ decompressor: Decompressor, called name: String,
    by algorithms: Algorithms
  ) throws(LayoutError) -> MeasuredLayer {
    if let passed = file as? PassedContent, let known = passed.passage(at: extent.offset, size: extent.size),
      let whole = known.digest(by: algorithms.whole), known.content.tells([algorithms.content])
    {
      switch known.content {
      case .digests(let contents):
        return MeasuredLayer(
          digest: whole, content: contents.first { $0.algorithm == algorithms.content })
      case .damaged: return MeasuredLayer(digest: whole, content: nil)
      case .refused(let error): throw .tar(error.located(in: "\(file.path): \(name)"))
      case .unknown: break
      }
    }
    var position: Int64 = 0
    var whole = ContentHasher(algorithms.whole)
    var content = ContentHasher(algorithms.content)
    /// The next bytes; 0 at the end.
    func next(_ buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
      try LayoutError.checkCancellation()
      let count = Int(min(Int64(buffer.count), extent.size - position))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let read = try LayoutError.wrapping { () throws(FileError) in
        let read = unsafe try file.read(into: piece, at: extent.offset + position)
        guard read == count else { throw .shrunk(path: file.path) }
        return read
      }
      unsafe whole.update(UnsafeRawBufferPointer(piece).bytes)
      position += Int64(read)
      return read
    }

    var isUnpacked = false
    do {
      try unsafe decompressor.decompress(
        from: { unsafe try next($0) }, into: { content.update($0) })
      isUnpacked = true
    } catch let error as LayoutError {
      throw error
    } catch let error as TarError {
      if error.isOfBounds { throw .tar(error.located(in: "\(file.path): \(name)")) }
      // What there is of it is hashed all the same, for damage is told by digest.
    } catch {
      // As above.
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
    defer { unsafe buffer.deallocate() }
    while unsafe try next(buffer) > 0 {}
    return MeasuredLayer(digest: whole.digest(), content: isUnpacked ? content.digest() : nil)
  }
}
