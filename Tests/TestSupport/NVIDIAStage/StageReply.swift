import Foundation

/// A whole answer, before it is put on the wire.
struct StageReply {
  var status: Int
  var headers: [(String, String)] = []
  var body: [UInt8] = []

  init(_ status: Int, headers: [(String, String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  static func json(
    _ object: Any, status: Int = 200, type: String = "application/json", headers: [(String, String)] = []
  ) -> Self {
    guard let data = try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]) else {
      return Self(500, body: Array("no JSON".utf8))
    }
    return Self(status, headers: headers + [("Content-Type", type)], body: [UInt8](data))
  }

  /// An error as the distribution API has it.
  static func error(
    _ status: Int, _ code: String, _ message: String = "", headers: [(String, String)] = []
  ) -> Self {
    .json(["errors": [["code": code, "message": message]]], status: status, headers: headers)
  }

  func response(to request: ScriptedRequest, cutAfter limit: Int? = nil) -> ScriptedResponse {
    if request.method == "HEAD" { return .headOnly(status, headers: headers, length: body.count) }
    guard let limit, limit < body.count else {
      return ScriptedResponse(status, headers: headers, body: body)
    }
    return ScriptedResponse(
      status, headers: headers, body: Array(body.prefix(limit)), declaredLength: body.count)
  }
}

extension ScriptedRequest {
  /// The query's items in order, decoded; `+` stands for itself.
  var queryItems: [(name: String, value: String)] {
    (query ?? "").split(separator: "&").map { item in
      let sides = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let decode: (Substring) -> String = { $0.removingPercentEncoding ?? String($0) }
      return (decode(sides[0]), sides.count > 1 ? decode(sides[1]) : "")
    }
  }

  func queryValue(_ name: String) -> String? { queryItems.first { $0.name == name }?.value }
}
