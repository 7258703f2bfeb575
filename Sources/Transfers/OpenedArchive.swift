import Archives
import Glibc
import Layouts

/// An archive as it can be read: in place, or once as it comes.
enum OpenedArchive: Sendable {
  case inPlace(Layout)
  case passing(StreamedLayout)

  /// Opens what `input` names. What cannot be read in place is copied into a nameless file of the directory `spool`
  /// where one is given, else read as it comes. Blocks. Throws ``LayoutError``, ``ArchiveError``, and
  /// ``TransferError/noDirectory(path:)``.
  static func open(_ input: ArchiveInput, spool: String?) throws -> OpenedArchive {
    if input.isOneFile, input.path != PassingContent.standardInput {
      try UnfinishedArchive.refuse(input.path)
    }
    guard input.isOneFile, let content = try PassingContent.open(input.path) else {
      return .inPlace(try Layout.open(input))
    }
    guard let spool else {
      return .passing(try StreamedLayout.open(content))
    }
    do {
      return .inPlace(try Layout.open(try DataFile.spooling(content, in: spool)))
    } catch ArchiveError.file(.open, let path, let code) where path == spool {
      guard code == ENOENT || code == ENOTDIR else { throw TransferError.cannotWriteFile(path: spool) }
      throw TransferError.noDirectory(path: spool)
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
