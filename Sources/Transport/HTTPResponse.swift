/// An answer: any status is one.
public struct HTTPResponse: Sendable {
  public let status: Int
  public let headers: HTTPHeaders
  /// What was collected; empty where the body went to a sink.
  public let body: [UInt8]
  /// Where the answer came from, after redirects.
  public let url: HTTPURL

  public init(status: Int, headers: HTTPHeaders, body: [UInt8], url: HTTPURL) {
    self.status = status
    self.headers = headers
    self.body = body
    self.url = url
  }

  public var isSuccess: Bool { (200..<300).contains(status) }
}
