import Files
import Tar

/// Pieces of content that are kept, in its order: the first of them in memory, the rest in a file without a name.
struct KeptPieces: Sendable {
  private struct Piece {
    let offset: Int64
    /// Where it is kept.
    let place: Int64
    var count: Int64
  }

  private let directory: String
  private let path: String
  private var pieces: [Piece] = []
  private var bytes: [UInt8] = []
  private var spool: Spool?
  private var total: Int64 = 0
  /// Whether the last piece is not whole, for there is too much.
  private var isFull = false

  private static let memory: Int64 = 4 << 20

  init(in directory: String, called path: String) {
    self.directory = directory
    self.path = path
  }

  /// Keeps what stands at `offset`, behind all that is kept. Of what is too much nothing is kept.
  mutating func append(_ piece: [UInt8], at offset: Int64, isWhole: Bool) throws(TarError) {
    isFull = isWhole && total >= StreamedLayout.frontLimit
    guard !piece.isEmpty else { return }
    pieces.append(Piece(offset: offset, place: total, count: 0))
    try extend(piece)
  }

  /// Keeps what follows the last piece. Where nothing follows there may be no piece either.
  mutating func extend(_ piece: [UInt8]) throws(TarError) {
    guard !piece.isEmpty, !isFull || pieces[pieces.count - 1].count == 0 else { return }
    pieces[pieces.count - 1].count += Int64(piece.count)
    total += Int64(piece.count)
    guard spool != nil || Int64(bytes.count + piece.count) > Self.memory else {
      bytes += piece
      return
    }
    do throws(FileError) {
      var spool: Spool
      if let begun = self.spool {
        spool = begun
      } else {
        spool = try Spool.create(in: directory, called: path)
      }
      try unsafe spool.append(piece.span.bytes)
      self.spool = spool
    } catch {
      throw .file(error)
    }
  }

  /// Where the first piece behind `offset` begins.
  func nearest(behind offset: Int64) -> Int64? {
    let index = index(behind: offset)
    return index < pieces.count ? pieces[index].offset : nil
  }

  private func index(behind offset: Int64) -> Int {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].offset <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Puts what is kept of the bytes from `offset` on into `buffer`; 0 where that is nothing.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(TarError) -> Int {
    let index = index(behind: offset) - 1
    guard index >= 0, offset < pieces[index].offset + pieces[index].count else { return 0 }
    let piece = pieces[index]
    let place = piece.place + offset - piece.offset
    let count = Int(min(Int64(buffer.count), piece.offset + piece.count - offset))
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    // A piece may have its beginning in memory, and the rest in the file.
    if place < Int64(bytes.count) {
      let held = bytes[Int(place)...].prefix(count)
      unsafe part.copyBytes(from: held)
      return held.count
    }
    guard let spool else { return 0 }
    do throws(FileError) {
      return try unsafe spool.file.read(into: part, at: place - Int64(bytes.count))
    } catch {
      throw .file(error)
    }
  }
}
