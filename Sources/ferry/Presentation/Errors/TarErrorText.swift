import Files
import Layouts
import Tar

/// The words for tars and compressed streams.
extension TarError: WordedError {
  var text: ErrorText {
    switch self {
    case .file(let error): return error.text
    case .notATar(let path): return LayoutError.notAnArchive(path: path).text
    case .foreignForm(let path, .incremental):
      return ErrorText(
        "\(path) is \(ForeignForm.incremental.rawValue) since GNU tar wrote the one before",
        remedy:
          "Give GNU tar's full archive, or unpack that and then this one into one new directory, each with "
          + "\(ForeignForm.incremental.undoing) ARCHIVE, and name DIRECTORY.",
        .usage)
    case .foreignForm(let path, let form):
      return ErrorText(
        "\(path) is of a form that ferry does not read: \(form.rawValue)",
        remedy:
          "Ferry reads tars, plain or compressed with gzip, zstd, xz or bzip2. Undo it first: \(form.undoing) FILE, and move FILE out of a directory that is named.",
        .usage)
    case .tooManyEntries(let path, let limit):
      return FileError.tooManyEntries(path: path, limit: limit).text
    case .unwritableName(let name): return ErrorText("'\(name)' cannot stand in an archive", .usage)
    case .unwritableSize(let size):
      return ErrorText("\(size) bytes are more than a tar can hold", .cannotWrite)
    case .cutStream(let compression):
      return ErrorText("the \(compression.rawValue) stream ends too early", .integrityFailure)
    case .corruptStream(let compression, let reason):
      return ErrorText("the \(compression.rawValue) stream is damaged: \(reason)", .integrityFailure)
    case .needsMemory(let compression, let path, let need, let limit):
      // The next power of two, as people write it.
      let enough = (Int64(0)...40).lazy.map { Int64(1) << $0 }.first { $0 << 20 >= need } ?? 1 << 40
      // Beyond that the library refuses, whatever is allowed.
      guard need <= compression.largestWindow else {
        let bits = (Int64.bitWidth - (need - 1).leadingZeroBitCount)
        return ErrorText(
          "\(path ?? "a layer") was compressed with a window of \(Amounts.bytes(need)) (\(compression.rawValue)), and "
            + "ferry reads \(Amounts.bytes(compression.largestWindow)) at most",
          remedy: compression == .zstd
            ? "Decompress it first: zstd -d --long=\(bits) FILE" : "Decompress it first: xz -d FILE",
          .integrityFailure)
      }
      return ErrorText(
        "\(path ?? "a layer") takes \(Amounts.bytes(need)) of memory to decompress (\(compression.rawValue)), and "
          + "\(Amounts.bytes(limit)) are allowed",
        remedy: "Where you trust it, allow that: --memory-limit \(enough)MiB", .integrityFailure)
    case .expands(let compression, let path):
      return ErrorText(
        "\(path ?? "a layer") would become more than 1,000 times what it is, and 1 GiB (\(compression.rawValue)), or with "
          + "all layers more than 256 times the archive, and 4 GiB",
        remedy:
          "Nothing but zeros and what is made to fill a disk does so. Where you trust it, decompress it first.",
        .integrityFailure)
    case .frontTooLarge(let path, let limit):
      return ErrorText(
        "\(path) is damaged: what comes before its first layer is more than \(Amounts.bytes(Int64(limit)))",
        .integrityFailure)
    case .library(let reason): return ErrorText("libarchive or zlib failed: \(reason)", .unforeseen)
    }
  }
}
