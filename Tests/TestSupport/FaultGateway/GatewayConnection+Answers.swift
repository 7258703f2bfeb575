extension GatewayConnection {
  /// Hands the registry's answer to the client. False when the connection has ended.
  func pass(
    from registry: WireSocket, _ number: Int, _ effects: [GatewayFault.Effect], asked: WireHead
  ) -> Bool {
    var answer = registry.readHead()
    while let head = answer, (100..<200).contains(head.status) { answer = registry.readHead() }
    guard var head = answer, !effects.contains(.loseAnswer) else { return false }
    var framing = head.answerFraming(to: asked.method)
    if case .untilClose = framing {} else { head["Connection"] = nil }
    for effect in effects {
      switch effect {
      case .truncateAnswer(let count):
        if case .length(let length) = framing {
          framing = .length(min(count, length))
          head["Content-Length"] = "\(min(count, length))"
        }
      case .misdeclareRange(let shift): head.moveContentRange(by: shift)
      case .misplaceRange(let shift):
        head.moveContentRange(by: -shift)
      default: break
      }
    }
    guard client.send(head.bytes[...]) else { return false }
    gateway.note(number, status: head.status)
    return passBody(framing, from: registry, number, BodyFault(answer: effects))
  }

  private func passBody(
    _ framing: WireHead.Framing, from registry: WireSocket, _ number: Int, _ fault: BodyFault
  ) -> Bool {
    var fault = fault
    let hasBody = framing != .length(0)
    let isWhole =
      hasBody && fault.ending != nil
      ? false
      : registry.readBody(framing) { piece in
        let sent = slowly(fault.pass(piece), at: fault.rate) { part in
          let frame =
            framing == .chunked ? Array("\(String(part.count, radix: 16))\r\n".utf8) + part + [13, 10] : nil
          guard client.send(frame?[...] ?? part) else { return false }
          gateway.note(number, sent: part.count)
          return true
        }
        return sent && fault.ending == nil
      }
    if hasBody, fault.ending != nil { return end(fault) == .whole }
    if isWhole, framing == .chunked { return client.send(Array("0\r\n\r\n".utf8)[...]) }
    return isWhole && framing != .untilClose
  }

  /// Answers in the registry's place.
  func reply(
    _ number: Int, _ status: Int, _ headers: [(name: String, value: String)], _ body: [UInt8],
    to method: String
  ) -> Bool {
    var head = WireHead(status: status, headers: headers)
    if status != 204 { head["Content-Length"] = "\(body.count)" }
    guard client.send(head.bytes[...]), method == "HEAD" || client.send(body[...]) else { return false }
    gateway.note(number, sent: body.count, status: status)
    return true
  }
}

extension WireHead {
  fileprivate mutating func moveContentRange(by shift: Int) {
    guard let match = self["Content-Range"]?.firstMatch(of: /^bytes (\d+)-(\d+)\/(\d+)$/),
      let first = Int(match.1), let last = Int(match.2), let total = Int(match.3)
    else { return }
    self["Content-Range"] = "bytes \(max(first + shift, 0))-\(min(last + shift, total - 1))/\(total)"
  }
}
