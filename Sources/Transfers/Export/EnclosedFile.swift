public import Files

/// A file that an export lays beside its archives, by which they can be opened where they arrive: a program, or what is to be
/// read first.
public struct EnclosedFile: Hashable, Sendable {
  enum Content: Hashable, Sendable {
    case program(ProgramFile)
    case text([UInt8])
  }

  /// The file's name, beside the archives.
  public let name: String
  let content: Content

  /// The running program, `ferry-<version>-linux-<architecture>`, and a text about it that is named after it.
  public static func program(
    _ program: ProgramFile, version: String, text: (_ name: String, _ architecture: String) -> String
  ) -> [EnclosedFile] {
    let name = "\(prefix)\(version)-linux-\(program.architecture)"
    return [
      EnclosedFile(name: name, content: .program(program)),
      EnclosedFile(name: name + textEnd, content: .text(Array(text(name, program.architecture).utf8))),
    ]
  }

  private static let prefix = "ferry-"
  private static let textEnd = ".README.txt"

  /// Whether a file has a name that only what this lays there should have, of any version.
  static func isNamed(_ name: some StringProtocol) -> Bool {
    name.hasPrefix(prefix) && name.contains("-linux-") && !name.contains("/") && !name.hasSuffix(".tar")
  }

  /// In bytes.
  func size() throws(FileError) -> Int64 {
    switch content {
    case .program(let program): try DataFile.open(reading: program.path).size()
    case .text(let bytes): Int64(bytes.count)
    }
  }

  public func path(in directory: String) -> String { directory == "/" ? "/\(name)" : "\(directory)/\(name)" }

  /// Whether the file is there already.
  private func isWritten(_ path: String) -> Bool {
    switch content {
    case .program(let program): return ProgramFile.holdSame(program.path, path)
    case .text(let bytes):
      guard let file = try? DataFile.open(reading: path, following: false) else { return false }
      return (try? file.read(bytes.count + 1, at: 0)) == bytes
    }
  }

  /// Makes sure that it can be written. Throws `FileError`, `foreign` among them for any other file of that name: nobody can
  /// tell who made that.
  func checkWritable(in directory: String) throws(FileError) {
    let path = path(in: directory)
    guard !isWritten(path) else { return }
    try AtomicFile.checkReplacing(path) { _ in false }
  }

  /// Writes it, whole or not at all; false where it is there already. Blocks.
  func write(in directory: String) throws -> Bool {
    let path = path(in: directory)
    guard !isWritten(path) else { return false }
    switch content {
    case .text(let bytes): try AtomicFile.replace(path, with: bytes) { _ in false }
    case .program(let program):
      let source = try DataFile.open(reading: program.path)
      try AtomicFile.replace(path, isExecutable: true, where: { _ in false }) { write in
        var offset: Int64 = 0
        while true {
          let piece = try source.read(1 << 20, at: offset)
          guard !piece.isEmpty else { break }
          try Task.checkCancellation()
          try write(piece)
          offset += Int64(piece.count)
        }
      }
      guard ProgramFile.holdSame(program.path, path) else {
        throw FileError.file(.write, path: path, code: 5)
      }
    }
    return true
  }
}
