import Glibc

/// One connection of a ``ScriptedServer``: reads requests from its socket and performs the answers' steps.
final class ScriptedConnection {
  private let socket: Int32
  private let number: Int
  private var buffer: [UInt8] = []
  /// Bytes of the current request's body that are not read yet; nil in chunked ones.
  private var missing: Int? = 0
  private var isOver = false
  private var scratch = [UInt8](repeating: 0, count: 256 << 10)

  init(socket: Int32, number: Int) {
    self.socket = socket
    self.number = number
  }

  /// The next request's line and headers; nil at the end of the connection.
  func nextHead() -> ScriptedRequest? {
    while !isOver {
      if let end = endOfHead() {
        let text = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 4)
        return parse(text)
      }
      guard buffer.count < 1 << 20, fillBuffer() else { return nil }
      if let first = buffer.first, !(65...90).contains(first) {
        // No method begins so: perhaps TLS. Servers of plain HTTP answer in plain text.
        _ = send(ScriptedResponse.head(400, [("Connection", "close")], length: 0)[...])
        return nil
      }
    }
    return nil
  }

  private func endOfHead() -> Int? {
    guard buffer.count >= 4 else { return nil }
    return (0...(buffer.count - 4)).first { buffer[$0..<($0 + 4)].elementsEqual([13, 10, 13, 10]) }
  }

  private func parse(_ text: String) -> ScriptedRequest? {
    let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3 else { return nil }
    let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      return (String(line[..<colon]), String(value))
    }
    let request = ScriptedRequest(
      method: String(words[0]), target: String(words[1]), headers: headers, connection: number)
    let isChunked = request.header("Transfer-Encoding")?.lowercased() == "chunked"
    missing = isChunked ? nil : Int(request.header("Content-Length") ?? "0") ?? 0
    return request
  }

  /// Reads the rest of the body into `request`.
  func readBody(into request: inout ScriptedRequest) {
    if missing == nil { return readChunks(into: &request) }
    while let left = missing, left > 0, !isOver {
      guard buffer.isEmpty else {
        let piece = min(left, buffer.count)
        keep(buffer[..<piece], in: &request)
        buffer.removeFirst(piece)
        missing = left - piece
        continue
      }
      // Most of a large body is never kept, so it need not pass through the buffer.
      let count = recv(socket, &scratch, min(left, scratch.count), 0)
      guard count > 0 else {
        isOver = true
        return
      }
      keep(scratch[..<count], in: &request)
      missing = left - count
    }
  }

  private func readChunks(into request: inout ScriptedRequest) {
    while let line = readLine(), let size = Int(line.prefix { $0 != ";" }, radix: 16) {
      missing = size
      readBody(into: &request)
      _ = readLine()
      missing = size == 0 ? 0 : nil
      if size == 0 { return }
    }
  }

  private func readLine() -> String? {
    while !isOver {
      if let end = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<end].filter { $0 != 13 }, as: UTF8.self)
        buffer.removeFirst(end + 1)
        return line
      }
      guard fillBuffer() else { return nil }
    }
    return nil
  }

  private func keep(_ bytes: ArraySlice<UInt8>, in request: inout ScriptedRequest) {
    request.bodyLength += bytes.count
    request.body += bytes.prefix(max(ScriptedServer.keptBody - request.body.count, 0))
  }

  private func fillBuffer() -> Bool {
    let count = recv(socket, &scratch, scratch.count, 0)
    guard count > 0 else {
      isOver = true
      return false
    }
    buffer += scratch[..<count]
    return true
  }

  /// Performs the steps of an answer. False when the connection has ended.
  func perform(_ response: ScriptedResponse, request: inout ScriptedRequest, stopping: Gate) -> Bool {
    for step in response.steps {
      switch step {
      case .send(let bytes): guard send(bytes[...]) else { return false }
      case .sendRepeated(let chunk, let count):
        var left = count
        while left > 0 {
          guard !chunk.isEmpty, send(chunk.prefix(left)) else { return false }
          left -= min(left, chunk.count)
        }
      case .drip(let bytes, let gate):
        var rest = bytes[...]
        while !rest.isEmpty, gate?.wait(seconds: 0) != true {
          guard send(rest.prefix(1)) else { return false }
          rest = rest.dropFirst()
          usleep(1000)
        }
        guard send(rest) else { return false }
      case .pause(let milliseconds): _ = stopping.wait(seconds: Double(milliseconds) / 1000)
      case .stall(let gate):
        while !gate.wait(seconds: 0.02) {
          if stopping.wait(seconds: 0) { return false }
        }
      case .readBody: readBody(into: &request)
      case .close: return false
      case .reset:
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        return false
      }
    }
    // An answer that came before the body was read leaves no way to find the next request.
    return missing == 0 && request.header("Connection")?.lowercased() != "close"
  }

  private func send(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = Glibc.send(
          socket, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL)
        )
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }
}
