import Foundation

/// A directory for one test, removed with all that is in it when the value goes.
public final class TemporaryDirectory: Sendable {
  /// Its absolute path, without a trailing slash.
  public let path: String

  public init() {
    var template = Array("/tmp/ferry-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { fatalError("mkdtemp: \(String(cString: strerror(errno)))") }
    path = template.withUnsafeBufferPointer { buffer in
      buffer.baseAddress.map { String(cString: $0) } ?? ""
    }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of `name` in the directory.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes `bytes` to the file `name` and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) -> String {
    let path = file(name)
    guard let stream = fopen(path, "wb") else { fatalError("cannot create \(path)") }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { fatalError("cannot write \(path)") }
    return path
  }

  @discardableResult
  public func write(_ text: String, to name: String) -> String { write(Array(text.utf8), to: name) }
}
