extension GatewayConnection {
  /// Collects a `PATCH` and gives the registry what has arrived of it, as a whole.
  func patch(
    _ upload: inout KeptUploads.Upload?, _ head: WireHead, _ number: Int, _ effects: [GatewayFault.Effect]
  ) -> Bool {
    if effects.contains(.forgetUpload) { forget(head) }
    let offset = upload?.offset ?? 0
    if let start = head.contentRangeStart, start != offset {
      let range = "0-\(max(offset - 1, 0))"
      let isWhole = readBody(head, number, BodyFault(request: effects)) { _ in true } == .whole
      return isWhole && reply(number, 416, [("Range", range), ("Location", head.target)], [], to: "PATCH")
    }
    var body: [UInt8] = []
    let end = readBody(head, number, BodyFault(request: effects), waits: false) { piece in
      body += piece
      return true
    }
    var whole = head
    whole["Connection"] = "close"
    whole["Transfer-Encoding"] = nil
    whole["Content-Length"] = "\(body.count)"
    if let upload { whole.retarget("\(head.target.prefix { $0 != "?" })?\(upload.query)") }
    guard end == .whole || !body.isEmpty, let registry = WireSocket(port: gateway.registry),
      registry.send(whole.bytes[...]), registry.send(body[...]), let answer = registry.readHead()
    else { return false }
    if answer.status == 202, let location = answer["Location"], let query = location.firstIndex(of: "?") {
      upload = KeptUploads.Upload(
        query: String(location[location.index(after: query)...]), offset: offset + body.count)
    }
    guard end == .whole, !effects.contains(.loseAnswer) else { return false }
    var text: [UInt8] = []
    _ = registry.readBody(answer.answerFraming(to: "PATCH")) { piece in
      text += piece
      return true
    }
    return reply(
      number, answer.status, answer.headers.filter { $0.name != "Connection" && $0.name != "Content-Length" },
      text, to: "PATCH")
  }
}

extension WireHead {
  /// Where a `Content-Range: start-end` begins.
  fileprivate var contentRangeStart: Int? {
    self["Content-Range"]?.firstMatch(of: /^(\d+)-/).flatMap { Int($0.1) }
  }
}
