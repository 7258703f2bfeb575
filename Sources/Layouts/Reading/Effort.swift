import Synchronization

/// What it may take to follow an archive's links, and to hold what it says in one place against what it says in another: a few
/// steps for each thing that it names. Of one that is made for it they could be as many as there are pairs of these.
public final class Effort: Sendable {
  /// More than ten for each entry and name of the largest archive.
  public static let mostSteps = 1 << 22

  private let path: String
  private let limit: Int
  private let taken = Atomic<Int>(0)

  /// `path` is the archive's, of which at most `limit` steps are taken.
  public init(of path: String, limit: Int = mostSteps) {
    self.path = path
    self.limit = limit
  }

  /// How many steps were taken.
  var steps: Int { taken.load(ordering: .relaxed) }

  /// Counts `steps` before they are taken. Throws ``LayoutError/tangled(path:limit:)`` where these are too many, and
  /// ``LayoutError/cancelled``.
  public func take(_ steps: Int = 1) throws(LayoutError) {
    try LayoutError.checkCancellation()
    guard taken.wrappingAdd(steps, ordering: .relaxed).newValue <= limit else {
      throw .tangled(path: path, limit: limit)
    }
  }

  /// So many bytes of a document are a step, and so many more than it has are read for each: a decoder takes as long for a small
  /// one as for those.
  private static let (bytesOfStep, bytesOfDocument): (Int64, Int64) = (64, 1 << 10)

  /// What it may take to read the manifests and configs of an archive of `size` bytes for its images, which may share them: each
  /// byte of it several times, and of one that has little else some more. Of one that takes up `stored` bytes, because it is
  /// compressed, that is more for each of these.
  static func ofReading(_ path: String, size: Int64, stored: Int64? = nil) -> Effort {
    let size = min(max(0, size), 4 * min(max(0, stored ?? .max), 1 << 40), 16 << 30)
    let most = min(16 << 30, 256 << 20 + 8 * size)
    return Effort(of: path, limit: Int(clamping: most / bytesOfStep))
  }

  /// Counts a document of `size` bytes before it is read. Throws what ``take(_:)`` throws.
  func read(_ size: Int64) throws(LayoutError) {
    try take(Int(clamping: (min(max(0, size), 1 << 40) + Self.bytesOfDocument) / Self.bytesOfStep))
  }
}
