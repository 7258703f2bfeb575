import Files
import Glibc
import Layouts
import Tar

/// An archive as it can be read: in place, or once as it comes.
enum OpenedArchive: Sendable {
  case inPlace(Layout)
  case passing(StreamedLayout)

  /// Opens what `input` names. What cannot be read in place is copied into a nameless file of the directory `spool`
  /// where one is given, else read as it comes. Decompressing may take `memoryLimit` bytes of memory. Blocks. Throws
  /// ``LayoutError``, ``TarError``, and ``TransferError/noDirectory(path:)``.
  static func open(
    _ input: ArchiveInput, spool: String?, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws -> OpenedArchive {
    if input.isOneFile, input.path != Self.standardInput {
      try UnfinishedArchive.refuse(input.path)
    }
    guard input.isOneFile, let content = try Self.stream(input.path, memoryLimit) else {
      return .inPlace(try Layout.open(input, memoryLimit: memoryLimit))
    }
    guard let spool else {
      return .passing(try StreamedLayout.open(content))
    }
    do {
      return .inPlace(try Layout.open(try content.spooled(in: spool), memoryLimit: memoryLimit))
    } catch TarError.file(.file(.open, let path, let code)) where path == spool {
      guard code == ENOENT || code == ENOTDIR else { throw TransferError.cannotWriteFile(path: spool) }
      throw TransferError.noDirectory(path: spool)
    }
  }

  /// How standard input is written as an archive's path.
  static let standardInput = "-"

  /// What cannot be read in place: standard input, a named pipe, a compressed file. nil for all else.
  private static func stream(_ path: String, _ memoryLimit: Int64) throws(TarError) -> StreamedContent? {
    guard path == standardInput else { return try StreamedContent.open(path, memoryLimit: memoryLimit) }
    return try StreamedContent(
      InputStream(descriptor: STDIN_FILENO, name: "standard input"), memoryLimit: memoryLimit)
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
