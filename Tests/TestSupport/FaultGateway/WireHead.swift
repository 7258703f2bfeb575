/// The first line and the header lines of a request or an answer.
struct WireHead: Sendable {
  var line: String
  var headers: [(name: String, value: String)]

  /// Reads what stands before the empty line.
  init?(_ text: String) {
    var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
    guard let first = lines.first, first.split(separator: " ").count >= 2 else { return nil }
    lines.removeFirst()
    line = String(first)
    headers = lines.compactMap { line in
      line.firstIndex(of: ":").map { colon in
        (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
      }
    }
  }

  init(status: Int, headers: [(name: String, value: String)]) {
    line = "HTTP/1.1 \(status) Fault"
    self.headers = headers
  }

  private func word(_ index: Int) -> String {
    let words = line.split(separator: " ")
    return index < words.count ? String(words[index]) : ""
  }

  var method: String { word(0) }
  var target: String { word(1) }
  var status: Int { Int(word(1)) ?? 0 }

  mutating func retarget(_ target: String) { line = "\(method) \(target) HTTP/1.1" }

  /// The first value of a header; setting one replaces all of its name.
  subscript(_ name: String) -> String? {
    get { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
    set {
      headers.removeAll { $0.name.lowercased() == name.lowercased() }
      if let newValue { headers.append((name, newValue)) }
    }
  }

  var bytes: [UInt8] {
    Array((line + "\r\n" + headers.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n").utf8)
  }

  /// How a body's end is found.
  enum Framing: Equatable {
    case length(Int)
    case chunked
    case untilClose
  }

  /// How a request's body is framed.
  var requestFraming: Framing {
    if self["Transfer-Encoding"]?.lowercased() == "chunked" { return .chunked }
    return .length(Int(self["Content-Length"] ?? "") ?? 0)
  }

  /// How this answer's body is framed, when it answers `method`.
  func answerFraming(to method: String) -> Framing {
    if method == "HEAD" || status == 204 || status == 304 || (100..<200).contains(status) {
      return .length(0)
    }
    if self["Transfer-Encoding"]?.lowercased() == "chunked" { return .chunked }
    return self["Content-Length"].flatMap(Int.init).map { .length($0) } ?? .untilClose
  }

  /// The declared length of a request's body, `Int.max` where it is not declared.
  var bodyLength: Int {
    if case .length(let length) = requestFraming { length } else { .max }
  }
}
