import Foundation

/// What was sent, for assertions on what was not.
extension NVIDIAStage {
  public func requests(at site: Site) -> [ScriptedRequest] { server(site).requests }

  /// `METHOD target` of the requests at `site`.
  public func lines(at site: Site) -> [String] { server(site).lines }

  /// The sites that saw `secret` in a request's target, headers or body: as it is, in base64, or inside
  /// the base64 of Basic authentication.
  public func sites(thatSaw secret: String) -> Set<Site> {
    Set(Site.allCases.filter { site in requests(at: site).contains { Self.shows($0, secret) } })
  }

  private static func shows(_ request: ScriptedRequest, _ secret: String) -> Bool {
    let values = request.headers.flatMap { [$0.name, $0.value] }
    let decoded = values.compactMap { value in
      value.split(separator: " ").last.flatMap { Data(base64Encoded: String($0)) }
        .map { String(decoding: $0, as: UTF8.self) }
    }
    let target = request.target.removingPercentEncoding ?? request.target
    let texts = [request.target, target, String(decoding: request.body, as: UTF8.self)] + values + decoded
    return texts.contains { $0.contains(secret) }
  }
}
