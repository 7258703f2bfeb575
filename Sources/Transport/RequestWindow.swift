/// How many requests a host bears at a time, learnt from its answers: fewer by half when it answers 429, one more after
/// a while without (additive increase, multiplicative decrease). A value that is told what happens and when; whoever
/// has no room waits in line, and holds nothing meanwhile.
///
/// What was too much before is tried again ever more seldom, and by single requests: until a refusal is heard of, others
/// would go the same way.
struct RequestWindow: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// The right to have one request on the way. It is given back by ``leave(_:_:at:)``, once.
  struct Pass: Hashable, Sendable {
    /// Which of the window's states let it in.
    fileprivate let round: Int
    /// Whether it is one more than is known to be borne.
    fileprivate let isProbe: Bool
  }

  /// What a request came to, as far as it tells how many the host bears.
  enum Answer: Hashable, Sendable {
    /// 429.
    case refused
    /// Any other answer, with how many more requests the host says it will take, if it says so.
    case served(remaining: Int?)
    /// None, or one that tells nothing.
    case unknown
  }

  enum Entry: Hashable, Sendable {
    case admitted(Pass)
    /// The number in line; ``leave(_:_:at:)`` and ``abandon(_:)`` tell whose turn it is.
    case queued(Int)
  }

  /// Whose turn it is now.
  struct Admission: Hashable, Sendable {
    let number: Int
    let pass: Pass
  }

  /// A single request more than ``limit``.
  private enum Probe {
    case none
    /// The next one is it.
    case due
    case underWay
  }

  /// How many requests may be on the way at once.
  private(set) var limit = Self.start
  private var running = 0
  /// Numbers in line, the first to come first.
  private var line: [Int] = []
  private var lastNumber = 0
  /// Counts the refusals that were heeded: those of requests that were on the way already say nothing new.
  private var round = 0
  /// How many at a time were too many; nil where that is not known, or no longer true.
  private var wall: Int?
  /// What it was when a request was last refused.
  private var lastWall: Int?
  /// How many requests must be served before as many as ``wall`` are tried again.
  private var patience = Self.leastPatience
  /// Requests served since the limit changed.
  private var served = 0
  private var lastRefusal: Instant?
  private var probe = Probe.none
  /// How many probes in a row were served.
  private var proven = 0
  /// Until the host has first complained the window grows by half each time.
  private var isCarefree = true

  /// Few enough for any host to begin with.
  static let start = 4
  static let leastPatience = 32
  static let mostPatience = 256
  /// Without a refusal for so long as many as were too many are tried again, however few were served; for longer after
  /// each time that they were.
  static let memory = Duration.seconds(60)

  /// Wants to send a request.
  mutating func enter() -> Entry {
    if line.isEmpty, let pass = pass() { return .admitted(pass) }
    lastNumber += 1
    line.append(lastNumber)
    return .queued(lastNumber)
  }

  /// A request has ended. Returns who may go in now.
  mutating func leave(_ pass: Pass, _ answer: Answer, at now: Instant) -> [Admission] {
    let isFull = running >= limit || !line.isEmpty
    if pass.round == round {
      switch answer {
      case .refused: refused(at: now)
      case .served(let remaining?) where remaining < limit:
        limit = max(1, remaining)
        served = 0
        isCarefree = false
        endProbe()
      case .served where pass.isProbe: probeServed()
      case .served where isFull: widen(at: now)
      case .unknown where pass.isProbe: probe = .due
      case .served, .unknown: break
      }
    }
    running -= 1
    return admit()
  }

  /// Does not want to wait any longer. Returns who may go in now.
  mutating func abandon(_ number: Int) -> [Admission] {
    line.removeAll { $0 == number }
    return admit()
  }

  private mutating func admit() -> [Admission] {
    var admitted: [Admission] = []
    while let number = line.first, let pass = pass() {
      line.removeFirst()
      admitted.append(Admission(number: number, pass: pass))
    }
    return admitted
  }

  /// Room for one more; nil when there is none.
  private mutating func pass() -> Pass? {
    let isProbe = running == limit && probe == .due
    guard running < limit || isProbe else { return nil }
    if isProbe { probe = .underWay }
    running += 1
    return Pass(round: round, isProbe: isProbe)
  }

  private mutating func refused(at now: Instant) {
    // With a probe under way it is the one too many, whichever of them is refused.
    if probe != .underWay {
      // A single request that is refused came too soon, not beside too many.
      let tooMany = max(2, min(limit, running))
      wall = tooMany
      limit = max(1, tooMany / 2)
    }
    // Much the same as before, though more may have been borne by chance meanwhile: it is not tried so soon again.
    let isNear = lastWall.map { wall ?? 0 <= $0 + 1 } ?? false
    patience = isNear ? min(patience * 2, Self.mostPatience) : Self.leastPatience
    lastWall = wall
    endProbe()
    served = 0
    round += 1
    lastRefusal = now
    isCarefree = false
  }

  private mutating func widen(at now: Instant) {
    served += 1
    guard limit + 1 == wall else {
      guard served >= limit else { return }
      limit += isCarefree ? max(1, limit / 2) : 1
      served = 0
      return
    }
    let memory = Self.memory * (patience / Self.leastPatience)
    let isForgotten = lastRefusal.map { $0.duration(to: now) >= memory } ?? true
    if probe == .none, served >= patience || isForgotten && served >= limit { probe = .due }
  }

  /// One more than the limit was borne: perhaps only because others had just ended.
  private mutating func probeServed() {
    proven += 1
    guard proven >= 2 * (limit + 1) else {
      probe = .due
      return
    }
    limit += 1
    wall = nil
    served = 0
    endProbe()
  }

  private mutating func endProbe() {
    probe = .none
    proven = 0
  }
}
