import Files
import Glibc
import Layouts
import Tar

/// An archive as it can be read: in place, or once as it comes.
enum OpenedArchive: Sendable {
  case inPlace(Layout)
  case passing(StreamedLayout)

  /// Opens what `input` names. What cannot be read in place is copied into a nameless file of the directory `spool`
  /// where one is given, else read as it comes; what describes it is then kept, in such a file of the directory `temporary`
  /// where it is large. Decompressing may take `memoryLimit` bytes of memory. Blocks. Throws ``LayoutError``, ``TarError``,
  /// and ``TransferError/noDirectory(path:)``.
  static func open(
    _ input: ArchiveInput, spool: String?, temporary: String, memoryLimit: Int64
  ) throws -> OpenedArchive {
    if input.isOneFile, input.stream == nil { try UnfinishedArchive.refuse(input.path) }
    guard input.isOneFile, let content = try Self.content(of: input, memoryLimit) else {
      return .inPlace(try Layout.open(input, memoryLimit: memoryLimit))
    }
    guard let spool else {
      do {
        return .passing(try StreamedLayout.open(content, keepingFrontIn: temporary))
      } catch LayoutError.archive(.file(.open, let path, let code)) where path == temporary {
        throw refusal(of: temporary, code)
      }
    }
    do {
      return .inPlace(try Layout.open(try content.spooled(in: spool), memoryLimit: memoryLimit))
    } catch TarError.file(.file(.open, let path, let code)) where path == spool {
      throw refusal(of: spool, code)
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
