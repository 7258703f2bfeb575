import Foundation

/// A directory for what all tests of a run share. It is removed when the process exits.
public enum RunDirectory {
  /// Makes a directory of its own for `purpose`. Throws ``TestFailure``.
  public static func make(_ purpose: String) throws -> String {
    let path = try "\(root.get())/\(purpose)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private static let root: Result<String, any Error> = Result {
    var template = Array("\(NSTemporaryDirectory())ferry-test-run.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw TestFailure("no temporary directory") }
    atexit {
      if let path = try? RunDirectory.root.get() { try? FileManager.default.removeItem(atPath: path) }
    }
    return String(cString: made)
  }
}
