import Foundation

/// One client's connection to a ``FaultGateway``; each of its requests goes to the registry by a connection
/// of its own.
struct GatewayConnection {
  let client: WireSocket
  let gateway: GatewayListener

  init(_ client: WireSocket, _ gateway: GatewayListener) {
    self.client = client
    self.gateway = gateway
  }

  func serve() {
    while let head = client.readHead() {
      let (number, effects) = gateway.begin(head)
      let goesOn = answer(head, number, effects)
      gateway.note(number, isOver: true)
      guard goesOn else { return }
    }
  }

  /// False when the connection has ended.
  private func answer(_ head: WireHead, _ number: Int, _ effects: [GatewayFault.Effect]) -> Bool {
    for effect in effects {
      guard case .answer(let status, let headers, let body) = effect else { continue }
      return readBody(head, number, BodyFault(request: effects)) { _ in true } == .whole
        && reply(number, status, headers.map { ($0.key, $0.value) }, Array(body.utf8), to: head.method)
    }
    guard let uploads = gateway.uploads, let identifier = KeptUploads.identifier(in: head.target) else {
      return relay(head, number, effects)
    }
    let goesOn = uploads.exclusively(identifier) { upload in
      if head.method == "PATCH" { return patch(&upload, head, number, effects) }
      var head = head
      if let upload {
        let digest = head.target.firstRange(of: /digest=[^&]*/).map { "&\(head.target[$0])" } ?? ""
        head.retarget("\(head.target.prefix { $0 != "?" })?\(upload.query)\(digest)")
      }
      return relay(head, number, effects)
    }
    // Others may ask about the upload while this one stands still.
    if !goesOn, head.method == "PATCH", case .stall = BodyFault(request: effects).end?.how {
      client.waitForHangUp { gateway.isCalm }
    }
    return goesOn
  }

  private func relay(_ head: WireHead, _ number: Int, _ effects: [GatewayFault.Effect]) -> Bool {
    guard let registry = WireSocket(port: gateway.registry) else { return false }
    if effects.contains(.forgetUpload) { forget(head) }
    guard registry.send(forwarded(head, effects).bytes[...]) else { return false }
    var isEarly = false
    let isChunked = head.requestFraming == .chunked
    let end = readBody(head, number, BodyFault(request: effects)) { piece in
      let frame = isChunked ? Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10] : nil
      isEarly = !registry.send(frame?[...] ?? piece) || registry.isReadable
      return !isEarly
    }
    guard end == .whole || isEarly else {
      // The client does not learn of the end before the registry has.
      registry.hangUp()
      return false
    }
    if isChunked, !isEarly { _ = registry.send(Array("0\r\n\r\n".utf8)[...]) }
    return pass(from: registry, number, effects, asked: head) && !isEarly
  }

  private func forwarded(_ head: WireHead, _ effects: [GatewayFault.Effect]) -> WireHead {
    var forwarded = head
    forwarded["Connection"] = "close"
    if head["Expect"] != nil {
      forwarded["Expect"] = nil
      _ = client.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)[...])
    }
    for effect in effects {
      switch effect {
      case .ignoreRange: forwarded["Range"] = nil
      case .misplaceRange(let shift):
        if let start = head.rangeStart { forwarded["Range"] = "bytes=\(start + shift)-" }
      case .dropAuthorization: forwarded["Authorization"] = nil
      default: break
      }
    }
    return forwarded
  }

  /// Gives up, behind the client's back, the upload that a request is for.
  func forget(_ head: WireHead) {
    guard let registry = WireSocket(port: gateway.registry) else { return }
    var request = head
    request.line = "DELETE \(head.target) HTTP/1.1"
    request["Content-Length"] = nil
    request["Transfer-Encoding"] = nil
    request["Connection"] = "close"
    guard registry.send(request.bytes[...]) else { return }
    while registry.read(.max) != nil {}
  }

  enum BodyEnd { case whole, cut, stopped }

  /// Reads a request's body through `fault`, and gives each piece to `take` until it says no.
  func readBody(
    _ head: WireHead, _ number: Int, _ fault: BodyFault, waits: Bool = true,
    _ take: (ArraySlice<UInt8>) -> Bool
  ) -> BodyEnd {
    var fault = fault
    if fault.ending != nil, head.bodyLength > 0 { return end(fault, waits: waits) }
    var isStopped = false
    let isWhole = client.readBody(head.requestFraming) { piece in
      gateway.note(number, received: piece.count)
      isStopped = !slowly(fault.pass(piece), at: fault.rate, take)
      return !isStopped && fault.ending == nil
    }
    if isStopped { return .stopped }
    if fault.ending != nil { return end(fault, waits: waits) }
    return isWhole ? .whole : .cut
  }

  /// Ends the connection as `fault` has it. Where nothing moves any more, `waits` until the client goes away.
  func end(_ fault: BodyFault, waits: Bool = true) -> BodyEnd {
    switch fault.ending {
    case .reset: client.closeWithReset()
    case .stall: if waits { client.waitForHangUp { gateway.isCalm } }
    case .close, nil: break
    }
    return .cut
  }

  /// Gives `take` a piece at a rate. False when it said no.
  func slowly(_ piece: ArraySlice<UInt8>, at rate: Int?, _ take: (ArraySlice<UInt8>) -> Bool) -> Bool {
    guard let rate, rate > 0 else { return piece.isEmpty || take(piece) }
    var rest = piece
    while !rest.isEmpty {
      let part = rest.prefix(max(rate / 50, 1))
      rest = rest.dropFirst(part.count)
      guard take(part), !gateway.stopping.wait(seconds: Double(part.count) / Double(rate)) else {
        return false
      }
    }
    return true
  }
}

extension WireHead {
  /// Where a `Range: bytes=start-` begins.
  fileprivate var rangeStart: Int? {
    self["Range"]?.firstMatch(of: /^bytes=(\d+)-/).flatMap { Int($0.1) }
  }
}
