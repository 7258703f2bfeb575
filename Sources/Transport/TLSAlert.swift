/// The alert by which a server ended TLS, as OpenSSL tells of it.
struct TLSAlert: Equatable {
  /// Its name, and what stands around it there: `sslv3 alert bad certificate`.
  let words: String

  /// By these a server says that it wants a client certificate, or another one.
  private static let certificateAlerts = [
    "alert bad certificate", "alert no certificate", "alert unsupported certificate",
    "alert certificate revoked", "alert certificate expired", "alert certificate unknown",
    "alert certificate required", "alert certificate unobtainable", "alert unknown ca", "alert access denied",
  ]
  /// Those to a record that was damaged on its way.
  private static let damageAlerts = [
    "alert bad record mac", "alert decryption failed", "alert record overflow", "alert decompression failure",
  ]

  /// Nil when `text` tells of no alert.
  init?(in text: String) {
    let rest = text.firstRange(of: "SSL routines:").map { text[$0.upperBound...] } ?? text[...]
    let words = rest.drop { $0 == ":" }.prefix { $0 != "," && $0 != "\n" }
    guard words.contains(" alert ") else { return nil }
    self.words = String(words)
  }

  /// The error that it is. `text` is all that was told.
  func error(from url: HTTPURL, shown: ClientCertificate?, saying text: String) -> TransportError {
    if says(Self.damageAlerts) { return .reset(url: url.description, reason: .reported(text)) }
    let isCertain = says(Self.certificateAlerts)
    guard isCertain || says(["alert handshake failure"]) else {
      return .tlsFailed(host: url.host, reason: text)
    }
    return .clientCertificateWanted(
      host: url.authority, shown: shown?.certificate, reason: words, isCertain: isCertain)
  }

  private func says(_ phrases: [String]) -> Bool {
    let text = words.lowercased()
    return phrases.contains { text.contains($0) }
  }
}

/// What libcurl tells of a connection on which nothing is asked.
final class HandshakeTalk {
  private var alert: TLSAlert?
  /// Whether the server asked for a client certificate.
  private var asksForCertificate = false

  /// Takes a line.
  func take(_ line: String) {
    if line.contains("(IN), TLS handshake, Request CERT") { asksForCertificate = true }
    if line.contains("error:") { alert = alert ?? TLSAlert(in: line) }
  }

  /// The error by which the server ended it; nil when it did not, or does not say why.
  func refusal(by url: HTTPURL, shown: ClientCertificate?) -> TransportError? {
    guard let alert else { return nil }
    let error = alert.error(from: url, shown: shown, saying: alert.words)
    guard case .clientCertificateWanted(let host, let path, let reason, false) = error else { return error }
    // Whoever has not asked for a certificate does not want for one.
    return asksForCertificate
      ? .clientCertificateWanted(host: host, shown: path, reason: reason, isCertain: true)
      : .tlsFailed(host: url.host, reason: reason)
  }
}
