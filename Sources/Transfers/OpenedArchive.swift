import Digests
import Files
import Glibc
import Images
public import Layouts
import Tar

/// An archive as it can be read: in place, or once as it comes.
enum OpenedArchive: Sendable {
  case inPlace(Layout)
  case passing(StreamedLayout)

  /// What an archive is opened for.
  enum Purpose {
    /// To be looked at: no layer is needed.
    case look
    /// To hash every blob, and perhaps what layers unpack to.
    case proof(unpacksLayers: Bool)
    /// To send its blobs, and perhaps to read them before.
    case sending(readsTwice: Bool)

    var isSending: Bool { if case .sending = self { true } else { false } }
  }

  /// Opens what `input` names. What cannot be read in place is copied into a nameless file of the directory `spool` where one is
  /// given. Else it is read as it comes, in Ferry's order, and what describes it is kept, in such a file of the directory
  /// `temporary` where it is large; in another order it is read through once, and a compressed file once more where that
  /// is needed. Only of a pipe whose blobs are to be sent in such an order a copy is made in `temporary`; `note` hears of it.
  /// Decompressing may take `memoryLimit` bytes of memory. Blocks. Throws ``LayoutError``, ``TarError``, and
  /// ``TransferError/noDirectory(path:)``.
  static func open(
    _ input: ArchiveInput, for purpose: Purpose, spool: String?, temporary: String, memoryLimit: Int64,
    note: (TransferNote) -> Void = { _ in }
  ) throws -> OpenedArchive {
    try input.checkReadable()
    if input.isOneFile, input.stream == nil {
      try UnfinishedArchive.refuse(input.path)
      try CutFile.refuse(
        input.path, isNamed: input.directory == nil, temporary: spool ?? temporary, memoryLimit: memoryLimit)
    }
    guard input.isOneFile, let content = try Self.content(of: input, memoryLimit) else {
      return .inPlace(try Layout.open(input, memoryLimit: memoryLimit))
    }
    if let spool {
      return try writing(to: spool) {
        let file = try content.spooled(in: spool)
        return .inPlace(try Layout.open(file, isCut: content.isCut, memoryLimit: memoryLimit))
      }
    }
    return try writing(to: temporary) {
      let front = StreamedLayout.front(of: content, in: temporary)
      do {
        if case .sending(readsTwice: true) = purpose {
          throw LayoutError.notStreamable(path: content.path, .twoReadings)
        }
        return .passing(
          try StreamedLayout.open(content, keeping: front, takesPacked: purpose.isSending))
      } catch LayoutError.notStreamable(_, let obstacle) {
        return .inPlace(
          try layout(
            of: content, after: front, obstacle, for: purpose, temporary: temporary,
            memoryLimit: memoryLimit, note: note))
      }
    }
  }

  /// Sees that `inputs` are one archive, as it must be of which the digest is told. What was found in a directory is opened where
  /// it may be none. Blocks. Throws ``TransferError/expectsOneArchive(count:)``.
  static func expectOne(
    of inputs: [ArchiveInput], temporary: String, memoryLimit: Int64
  ) throws(TransferError) {
    guard inputs.count > 1 else { return }
    let count = inputs.count { input in
      guard input.mayBeOther else { return true }
      do {
        _ = try open(input, for: .look, spool: nil, temporary: temporary, memoryLimit: memoryLimit)
        return true
      } catch {
        return !input.isOther(error)
      }
    }
    if count > 1 { throw .expectsOneArchive(count: count) }
  }

  /// An archive that cannot be read in one pass, of which `front` has come.
  private static func layout(
    of content: StreamedContent, after front: ContentFront, _ obstacle: StreamObstacle,
    for purpose: Purpose, temporary: String, memoryLimit: Int64, note: (TransferNote) -> Void
  ) throws -> Layout {
    var unpacksLayers = false
    if case .proof(let unpacks) = purpose { unpacksLayers = unpacks }
    if let whole = try content.again() {
      return try Layout.open(
        passing: whole, unpacksLayers: unpacksLayers, keepingIn: temporary, memoryLimit: memoryLimit)
    }
    guard case .sending = purpose else {
      return try Layout.open(
        passing: content, after: front, unpacksLayers: unpacksLayers, keepingIn: temporary,
        memoryLimit: memoryLimit)
    }
    // How large it is nobody knows: there is to be room as long as it comes.
    try FreeSpace.expect(front.count + reserve, at: temporary)
    note(
      .spooling(
        path: content.path, obstacle, directory: temporary,
        available: try FreeSpace(at: temporary).available))
    let file = try content.spooled(in: temporary, after: front, leaving: reserve)
    return try Layout.open(file, isCut: content.isCut, memoryLimit: memoryLimit)
  }

  /// What a copy that nobody asked for leaves of its disk to others, in bytes.
  private static let reserve: Int64 = 64 << 20

  /// Says in terms of the user's why no file can be made in a directory.
  private static func writing(
    to directory: String, _ body: () throws -> OpenedArchive
  ) throws -> OpenedArchive {
    do {
      return try body()
    } catch TarError.file(.file(.open, let path, let code)) where path == directory {
      throw refusal(of: directory, code)
    } catch LayoutError.archive(.file(.open, let path, let code)) where path == directory {
      throw refusal(of: directory, code)
    } catch FileError.file(_, let path, let code) where path == directory {
      throw refusal(of: directory, code)
    } catch let error as FileError where error.isOfSpace(at: directory) {
      throw TransferError.noRoomForCopy(error)
    } catch TarError.file(let error) where error.isOfSpace(at: directory) {
      throw TransferError.noRoomForCopy(error)
    }
  }

  /// Why no file can be made in a directory.
  private static func refusal(of directory: String, _ code: Int32) -> TransferError {
    code == ENOENT || code == ENOTDIR ? .noDirectory(path: directory) : .cannotWriteFile(path: directory)
  }

  /// What cannot be read in place: a stream, a named pipe, a compressed file. nil for all else.
  private static func content(
    of input: ArchiveInput, _ memoryLimit: Int64
  ) throws(TarError) -> StreamedContent? {
    guard let stream = input.stream else {
      return try StreamedContent.open(input.path, memoryLimit: memoryLimit)
    }
    return try StreamedContent(
      InputStream(descriptor: stream.descriptor, name: stream.name), memoryLimit: memoryLimit)
  }

  /// Reads all that has not been read, and says what is wrong with the blobs, and what is found outside them on the way: in an
  /// export that was broken off all but the layers is right. `observer` hears of each blob that comes through a pipe. Blocks.
  func blobProblems(telling observer: (any TransferObserver)? = nil) throws -> [LayoutProblem] {
    switch self {
    case .inPlace(let layout) where layout.isSequential:
      return try BlobReading.passed(layout.blobs.keys, in: layout).compactMap(\.problem)
    case .inPlace(let layout):
      return try layout.blobs.sorted { $0.value.offset < $1.value.offset }.compactMap { digest, _ in
        try BlobReading.read(digest, in: layout) { _ in }.problem
      }
    case .passing(let stream):
      var damaged: [LayoutProblem] = []
      let others = try BlobReading.forEach(of: stream) { due in
        func read(_ progress: @escaping (Int64) -> Void) throws {
          let reading = try BlobReading.read(due, in: stream, progress: progress)
          if let problem = reading.problem { damaged.append(problem) }
        }
        guard let observer else { return try read { _ in } }
        let meter = TransferMeter(due.descriptor, observer: observer)
        try read(meter.advance)
      }
      return others + damaged
    }
  }

  /// All that describes it.
  var layout: Layout {
    switch self {
    case .inPlace(let layout): layout
    case .passing(let stream): stream.front
    }
  }

  var stream: StreamedLayout? {
    if case .passing(let stream) = self { stream } else { nil }
  }
}

extension ArchiveInput {
  /// Whether the archive comes once: nobody knows what its file is called, or can look at it again.
  var comesOnce: Bool {
    let place = DirectoryListing.canonical(path) ?? path
    return isOneFile && (stream != nil || !DataFile.isPlain(place) && !DataFile.isDirectory(place))
  }
}

extension LayoutProblem {
  /// The blob that is missing or wrong.
  var blob: Digest? {
    switch self {
    case .missing(let descriptor): descriptor.digest
    case .damaged(let digest, _), .wrongSize(let digest, _, _): digest
    default: nil
    }
  }
}

extension FileError {
  /// Whether a disk is full.
  fileprivate func isOfSpace(at directory: String) -> Bool {
    if case .noSpace(directory, _, _, _) = self { true } else { false }
  }
}

extension GatheredArchives {
  /// Sees that they are one archive, as it must be of which the digest is told: what was found in a directory and may be none is
  /// opened. Blocks. Throws ``TransferError/expectsOneArchive(count:)``.
  public func expectOne(temporary: String, memoryLimit: Int64) throws(TransferError) {
    try OpenedArchive.expectOne(of: inputs, temporary: temporary, memoryLimit: memoryLimit)
  }
}
