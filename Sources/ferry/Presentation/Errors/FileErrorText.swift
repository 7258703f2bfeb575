import Files
import Glibc
import Layouts

/// The words for files.
extension FileError: WordedError {
  var text: ErrorText {
    switch self {
    case .file(let operation, let path, let code): return operation.text(path: path, code: code)
    case .noSpace(let path, let needed, let available, let code):
      let room: Wording =
        code == EDQUOT ? "your quota for \(path) is used up" : "there is no space left for \(path)"
      // Where nothing more is to be written, it is the file system's own notes that have no room.
      let amounts: Wording =
        needed.flatMap { $0 > 0 ? $0 : nil }.map { ": \(Amounts.bytes($0)) are needed" } ?? ""
      return ErrorText(
        room + amounts + (available.map { ", \(Amounts.bytes($0)) are free" } ?? ""),
        remedy: "Make room and run the same command again.", .cannotWrite)
    case .notAFile(let path): return ErrorText("\(path) is not a plain file", .usage)
    case .absent(let path):
      return ErrorText("\(path) is not there", remedy: "Bring it, and run the same command again.", .notFound)
    case .shrunk(let path):
      return ErrorText("\(path) became shorter while it was read", .integrityFailure)
    case .exchanged(let path):
      return ErrorText(
        "another file took the name of \(path) while it was read",
        remedy: "Run the same command again when nothing changes there any more.", .integrityFailure)
    case .locked(let path, let pid):
      return LayoutError.locked(path: path, pid: pid).text
    case .exists(let path):
      return ErrorText(
        "\(path) was made by somebody else while this ran",
        remedy: "It stays as it is. Move it away, and run the same command again.", .destinationConflict)
    case .foreign(let path, let reason):
      return ErrorText(
        "\(path) is not Ferry's own: \(reason.words)",
        remedy: "It stays as it is. Move it away, or have this written under another name.",
        .destinationConflict)
    case .tooManyEntries(let path, let limit):
      return ErrorText(
        "\(path) has more than \(limit) entries, or longer names than ferry keeps account of",
        remedy: "Name what matters of it, or export in parts: to DIR/, or with --shard.",
        .integrityFailure)
    case .tooDeep(let path, let limit):
      return ErrorText(
        "\(path) lies more than \(limit) directories deep, and was not looked into",
        remedy: "Name it itself.",
        .cannotWrite)
    case .unreadableName(let path):
      return ErrorText(
        "\(path) has a name that is no UTF-8, and was not looked into",
        remedy: "Give it another name.", .cannotWrite)
    case .tooManyVolumes(let path, let limit):
      return ErrorText(
        "\(path) would have more than \(limit) volumes", remedy: "Choose a larger --volume-size.", .usage)
    case .oversized(let size): return ErrorText("\(size) bytes are more than a tar can hold", .cannotWrite)
    case .sourceFailed(let path): return ErrorText("\(path) cannot be read to its end", .integrityFailure)
    case .passed(let path):
      return ErrorText(
        "\(path) cannot be read as it comes: something is needed of it that has passed",
        remedy: "Write it to a file and name that; or let ferry do so: --spool DIR", .usage)
    case .readTooOften(let path, let limit):
      return ErrorText(
        "\(path) would have to be unpacked more than \(limit) times to learn what it holds",
        remedy: "Unpack it yourself, and name what comes out: its files lie in an order that is read slowly.",
        .integrityFailure)
    case .cancelled: return .interrupted
    }
  }
}

extension ForeignFile {
  fileprivate var words: Wording {
    switch self {
    case .owner(let user): "it belongs to another user (\(user))"
    case .names(let count): "it has \(Amounts.count(count - 1, "other name")) (hard links)"
    case .writable(let mode): "others may write it (mode \(String(mode, radix: 8)))"
    case .content: "it holds something else than Ferry writes there"
    case .kind: "it is a link, or something else than belongs there"
    }
  }
}

extension FileOperation {
  /// What failed with the file at `path`; `code` is the errno.
  fileprivate func text(path: String, code: Int32) -> ErrorText {
    let reason = unsafe String(cString: strerror(code))
    let isMissing = code == ENOENT || code == ENOTDIR
    switch self {
    case .open, .inspect, .read:
      let status: ExitStatus =
        isMissing ? .notFound : code == EIO ? .integrityFailure : .cannotWrite
      return ErrorText("cannot \(self == .read ? "read" : "open") \(path): \(reason)", status)
    case .remove:
      return ErrorText(
        "cannot remove \(path): \(reason)", remedy: "Remove it yourself, and run the same command again.",
        .cannotWrite)
    case .synchronizeNames:
      return ErrorText(
        "the names of what was written to \(path) cannot be brought to the disk: \(reason)",
        remedy: "What is already written stays for the next run.", .cannotWrite)
    case .write, .reserve, .truncate, .lock, .synchronize, .rename:
      let remedy: Wording =
        switch code {
        case EPIPE: "Whoever was to read it has gone: see what it says, and run the same command again."
        case ENOENT: "Make the directory that it is to be in first."
        case ENOTDIR: "A part of that path is a file: name another place."
        default: "What is already written stays for the next run."
        }
      return ErrorText("cannot write \(path): \(reason)", remedy: remedy, .cannotWrite)
    }
  }
}
