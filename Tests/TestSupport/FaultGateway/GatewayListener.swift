import Foundation
import Glibc

/// The threads' side of a ``FaultGateway``: they own it, so that the gateway itself can go while they wait.
final class GatewayListener: @unchecked Sendable {
  struct Armed {
    let fault: GatewayFault
    var seen = 0

    init(_ fault: GatewayFault) { self.fault = fault }

    /// Whether the fault strikes a request of its target.
    mutating func strikes() -> Bool {
      defer { seen += 1 }
      return seen >= fault.skipping && seen - fault.skipping < fault.times
    }
  }

  struct State {
    var faults: [Armed] = []
    var exchanges: [GatewayExchange] = []
    /// Where the exchanges since the last reset begin in their numbering.
    var first = 0
    var received = 0
    var sent = 0
    var connections = 0
    var sockets: Set<Int32> = []
    var isStopped = false

    mutating func resetCounts() {
      first += exchanges.count
      exchanges = []
      received = 0
      sent = 0
    }
  }

  let port: Int
  let registry: Int
  let uploads: KeptUploads?
  let stopping = Gate()
  private let socket: Int32
  private let condition = NSCondition()
  // Guarded by the condition.
  private var state = State()

  init(before registry: Int, _ nature: FaultGateway.Nature, faults: [GatewayFault]) {
    self.registry = registry
    uploads = if case .continuing = nature { KeptUploads() } else { nil }
    state.faults = faults.map { Armed($0) }
    (socket, port) = ScriptedListener.listen()
    detach { [self] in acceptAll() }
  }

  /// Looks at the state, or changes it.
  func change<Result>(_ body: (inout State) -> Result) -> Result {
    condition.withLock {
      defer { condition.broadcast() }
      return body(&state)
    }
  }

  /// Whether nobody is held up any more.
  var isCalm: Bool { condition.withLock { state.isStopped || state.faults.isEmpty } }

  func wait(seconds: Double, _ isMet: (State) -> Bool) -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    return condition.withLock {
      while !isMet(state) {
        guard condition.wait(until: end) else { return isMet(state) }
      }
      return true
    }
  }

  /// Notes a request: its number, and the effects that strike it.
  func begin(_ head: WireHead) -> (number: Int, effects: [GatewayFault.Effect]) {
    change { state in
      var effects: [GatewayFault.Effect] = []
      for index in state.faults.indices where state.faults[index].fault.target.includes(head) {
        if state.faults[index].strikes() { effects.append(state.faults[index].fault.effect) }
      }
      state.exchanges.append(
        GatewayExchange(
          method: head.method, target: head.target, range: head["Range"],
          contentRange: head["Content-Range"], effects: effects))
      return (state.first + state.exchanges.count - 1, effects)
    }
  }

  func note(_ number: Int, received: Int = 0, sent: Int = 0, status: Int? = nil, isOver: Bool = false) {
    change { state in
      state.received += received
      state.sent += sent
      guard state.exchanges.indices.contains(number - state.first) else { return }
      state.exchanges[number - state.first].received += received
      state.exchanges[number - state.first].sent += sent
      if let status { state.exchanges[number - state.first].status = status }
      if isOver { state.exchanges[number - state.first].isOver = true }
    }
  }

  /// Wakes every thread; each closes what it has.
  func stop() {
    stopping.open()
    change { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      shutdown(socket, Int32(SHUT_RDWR))
      for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }

  private func acceptAll() {
    while true {
      let accepted = accept(socket, nil, nil)
      guard accepted >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        break
      }
      let isWanted = change { state in
        guard !state.isStopped else { return false }
        state.sockets.insert(accepted)
        state.connections += 1
        return true
      }
      guard isWanted else {
        close(accepted)
        break
      }
      detach { [self] in
        let client = WireSocket(accepted)
        GatewayConnection(client, self).serve()
        // The socket is open until it can no longer be shut down by number.
        withExtendedLifetime(client) {
          change { state in
            state.sockets.remove(accepted)
            state.connections -= 1
          }
        }
      }
    }
    change { state in
      state.isStopped = true
      close(socket)
    }
  }

  private func detach(_ work: @escaping @Sendable () -> Void) {
    let thread = Thread(block: work)
    thread.stackSize = 1 << 20
    thread.start()
  }
}
