/// What happens to one body on its way: a value that is given the pieces and says what is left of them.
struct BodyFault: Sendable {
  enum Ending: Sendable { case close, reset, stall }

  /// Where the way ends, in bytes, and how.
  private(set) var end: (after: Int, how: Ending)?
  private var corrupted: Int?
  /// Bytes a second; nil for as fast as it goes.
  private(set) var rate: Int?
  private(set) var passed = 0

  init(answer effects: [GatewayFault.Effect]) {
    for effect in effects {
      switch effect {
      case .cutAnswer(let count): end = (count, .close)
      case .resetAnswer(let count): end = (count, .reset)
      case .stallAnswer(let count): end = (count, .stall)
      case .corruptAnswer(let place): corrupted = place
      case .slowAnswer(let rate): self.rate = rate
      default: break
      }
    }
  }

  init(request effects: [GatewayFault.Effect]) {
    for effect in effects {
      switch effect {
      case .cutRequest(let count): end = (count, .close)
      case .resetRequest(let count): end = (count, .reset)
      case .stallRequest(let count): end = (count, .stall)
      case .corruptRequest(let place): corrupted = place
      case .slowRequest(let rate): self.rate = rate
      default: break
      }
    }
  }

  /// How the way has ended; nil while it goes on.
  var ending: Ending? {
    if let end, passed >= end.after { end.how } else { nil }
  }

  /// What arrives of `piece`.
  mutating func pass(_ piece: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var piece = end.map { piece.prefix(max($0.after - passed, 0)) } ?? piece
    if let corrupted, corrupted >= passed, corrupted < passed + piece.count {
      piece[piece.startIndex + corrupted - passed] ^= 1
    }
    passed += piece.count
    return piece
  }
}
