import Foundation

/// What lets a ``FaultGateway`` continue uploads after a cut `PATCH` although the registry behind it cannot
/// (distribution's signed state then no longer agrees with what it stored): it gives the registry only whole
/// requests, with what had arrived, and knows the newest state of every upload.
final class KeptUploads: @unchecked Sendable {
  struct Upload: Sendable {
    /// The query that the registry's newest `Location` has.
    var query: String
    /// Bytes the registry has.
    var offset: Int
  }

  private let condition = NSCondition()
  // Guarded by the condition.
  private var uploads: [String: Upload] = [:]
  private var busy: Set<String> = []

  /// The upload's identifier in a request's path, if it is one for an upload that is open.
  static func identifier(in target: String) -> String? {
    let parts = target.prefix { $0 != "?" }.split(separator: "/")
    guard let place = parts.lastIndex(of: "uploads"), place + 1 < parts.count else { return nil }
    return String(parts[place + 1])
  }

  /// Runs `body` while no other request for the upload does, with what is known of it, to be changed.
  func exclusively<Result>(_ identifier: String, _ body: (inout Upload?) -> Result) -> Result {
    var upload = condition.withLock {
      while busy.contains(identifier) { condition.wait() }
      busy.insert(identifier)
      return uploads[identifier]
    }
    defer {
      condition.withLock {
        uploads[identifier] = upload
        busy.remove(identifier)
        condition.broadcast()
      }
    }
    return body(&upload)
  }
}
