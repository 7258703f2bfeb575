import Layouts
import Archives
import Glibc

extension ErrorText {
  init(archive error: ArchiveError) {
    switch error {
    case .file(let operation, let path, let code): self.init(operation, path: path, code: code)
    case .noSpace(let path, let needed, let available, let code):
      let room: Wording =
        code == EDQUOT ? "your quota for \(path) is used up" : "there is no space left for \(path)"
      let amounts: Wording = needed.map { ": \(Amounts.bytes($0)) are needed" } ?? ""
      self.init(
        room + amounts + (available.map { ", \(Amounts.bytes($0)) are free" } ?? ""),
        remedy: "Make room and run the same command again.", .cannotWrite)
    case .notAFile(let path): self.init("\(path) is not a plain file", .usage)
    case .absent(let path):
      self.init("\(path) is not there", remedy: "Bring it, and run the same command again.", .notFound)
    case .shrunk(let path):
      self.init("\(path) became shorter while it was read", .integrityFailure)
    case .locked(let path, let pid):
      self.init(layout: .locked(path: path, pid: pid))
    case .exists(let path): self.init(layout: .exists(path: path))
    case .foreign(let path, let reason):
      self.init(
        "\(path) is not Ferry's own: \(Self.words(for: reason))",
        remedy: "It stays as it is. Move it away, or have this written under another name.",
        .destinationConflict)
    case .notATar(let path): self.init(layout: .notAnArchive(path: path))
    case .tooManyEntries(let path, let limit):
      self.init(
        "\(path) has more than \(limit) entries", remedy: "Export in parts: to DIR/, or with --shard.",
        .integrityFailure)
    case .tooManyVolumes(let path, let limit):
      self.init(
        "\(path) would have more than \(limit) volumes", remedy: "Choose a larger --volume-size.", .usage)
    case .unwritableName(let name): self.init("'\(name)' cannot stand in an archive", .usage)
    case .unwritableSize(let size): self.init("\(size) bytes are more than a tar can hold", .cannotWrite)
    case .cutStream(let compression):
      self.init("the \(compression.rawValue) stream ends too early", .integrityFailure)
    case .corruptStream(let compression, let reason):
      self.init("the \(compression.rawValue) stream is damaged: \(reason)", .integrityFailure)
    case .frontTooLarge(let path, let limit):
      self.init(
        "\(path) is damaged: what comes before its first layer is more than \(Amounts.bytes(Int64(limit)))",
        .integrityFailure)
    case .cancelled: self = .interrupted
    case .library(let reason): self.init("libarchive or zlib failed: \(reason)", .unforeseen)
    }
  }

  private static func words(for reason: ForeignFile) -> Wording {
    switch reason {
    case .owner(let user): "it belongs to another user (\(user))"
    case .names(let count): "it has \(Amounts.count(count - 1, "other name")) (hard links)"
    case .writable(let mode): "others may write it (mode \(String(mode, radix: 8)))"
    case .content: "it holds something else than Ferry writes there"
    case .kind: "it is a link, or something else than belongs there"
    }
  }

  private init(_ operation: FileOperation, path: String, code: Int32) {
    let reason = unsafe String(cString: strerror(code))
    let isMissing = code == ENOENT || code == ENOTDIR
    switch operation {
    case .open, .inspect, .read:
      let status: ExitStatus =
        isMissing ? .notFound : code == EIO ? .integrityFailure : .cannotWrite
      self.init("cannot \(operation == .read ? "read" : "open") \(path): \(reason)", status)
    case .write, .reserve, .truncate, .lock, .synchronize, .rename, .remove:
      let remedy: Wording =
        switch code {
        case EPIPE: "Whoever was to read it has gone: see what it says, and run the same command again."
        case ENOENT: "Make the directory that it is to be in first."
        case ENOTDIR: "A part of that path is a file: name another place."
        default: "What is already written stays for the next run."
        }
      self.init("cannot write \(path): \(reason)", remedy: remedy, .cannotWrite)
    }
  }
}
