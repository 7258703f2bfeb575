public import Digests
import Synchronization

/// How a registry is treated that shows only after a while what it was given: it is asked again before it is judged.
public struct Settling: Sendable {
  /// For how long it is asked again; zero takes its first answer.
  public var patience: Duration
  /// Hears what is waited for, once for each time that anything is.
  public var heard: (@Sendable (Item) -> Void)?

  /// What a registry was given and does not show yet.
  public enum Item: Hashable, Sendable {
    case manifest(repository: String, identifier: String)
    case blob(repository: String, Digest)
  }

  public init(patience: Duration = .zero, heard: (@Sendable (Item) -> Void)? = nil) {
    self.patience = patience
    self.heard = heard
  }
}

/// How much patience is left with one registry: each time that it is in vain halves it, so that many things that never
/// come do not cost all of it each; something that comes restores it.
final class SettlingPatience: Sendable {
  private let full: Duration
  private let disappointments = Atomic<Int>(0)

  init(_ settling: Settling) { full = settling.patience }

  var isNone: Bool { full <= .zero }

  /// The pauses of one wait that began at `start`.
  func pauses(since start: ContinuousClock.Instant = .now) -> SettlingPauses {
    let halvings = min(disappointments.load(ordering: .relaxed), 10)
    return SettlingPauses(start: start, patience: full / (1 << halvings))
  }

  /// Takes note of what a wait came to.
  func end(_ isSettled: Bool) {
    if isSettled {
      disappointments.store(0, ordering: .relaxed)
    } else {
      disappointments.add(1, ordering: .relaxed)
    }
  }
}

/// The pauses between one question and the same again: short at first, for most registries settle at once.
struct SettlingPauses: Sendable {
  private static let shortest = Duration.milliseconds(100)
  private static let longest = Duration.seconds(3)

  private let start: ContinuousClock.Instant
  private let patience: Duration
  private var usual = shortest

  init(start: ContinuousClock.Instant, patience: Duration) {
    self.start = start
    self.patience = patience
  }

  /// The pause before the next question, at `now`; nil when the last one was asked. `limit` is a shorter patience.
  mutating func next(at now: ContinuousClock.Instant = .now, within limit: Duration? = nil) -> Duration? {
    let left = now.duration(to: start.advanced(by: min(patience, limit ?? patience)))
    guard left > .zero else { return nil }
    defer { usual = min(usual * 2, Self.longest) }
    return min(usual, left)
  }
}

extension RegistryConnection {
  /// What `ask` brings, asked again while the registry's patience lasts, counted from `start`, and it is not
  /// `isRight`, or is an error that a registry answers with which does not show yet what it has taken. The last answer, or
  /// error, stands.
  func settled<Value>(
    _ item: Settling.Item, since start: ContinuousClock.Instant, _ ask: () throws -> Value,
    isRight: (Value) -> Bool
  ) throws -> Value {
    var pauses = patience.pauses(since: start)
    var hasWaited = false
    while true {
      let answer = Result { try ask() }
      switch answer {
      case .success(let value) where isRight(value):
        if hasWaited { patience.end(true) }
        return value
      case .failure(let error) where (error as? RegistryError)?.maySettle != true: throw error
      default: break
      }
      guard let pause = pauses.next() else {
        if hasWaited { patience.end(false) }
        return try answer.get()
      }
      if !hasWaited { configuration.settling.heard?(item) }
      hasWaited = true
      try wait(pause)
    }
  }
}

extension RegistryError {
  /// Whether it may be another answer once the registry shows what it has taken.
  fileprivate var maySettle: Bool {
    switch self {
    case .manifestNotFound, .repositoryNotFound, .blobNotFound, .notAManifest, .overwhelmed: true
    default: false
    }
  }
}
