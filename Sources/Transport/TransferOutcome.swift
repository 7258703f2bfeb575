private import CCurl
private import Glibc

/// How a transfer ended in libcurl's words.
struct TransferOutcome {
  /// The CURLcode.
  let code: Int
  /// What libcurl, or OpenSSL through it, says about it.
  let reason: String
  /// The system's error number, where a system call failed.
  let systemError: Int32
  /// The declared length of the answer's body, in bytes.
  let expected: Int64?
  /// Whether an earlier exchange had used the connection.
  var isReused = false

  /// The error this outcome is for a request to `url` of whose answer's body `received` bytes arrived; nil
  /// when all went well. `caFile` and `shown` are the authorities that were trusted and the client certificate that was
  /// at hand.
  func error(
    for url: HTTPURL, received: Int64, headIsComplete: Bool, caFile: String?, shown: ClientCertificate? = nil
  ) -> TransportError? {
    let text = url.description
    if received == 0, let error = alertError(from: url, shown: shown) { return error }
    switch CURLcode(rawValue: UInt32(truncatingIfNeeded: code)) {
    case CURLE_OK: return nil
    case _ where reason.hasPrefix("Unsupported proxy"): return .proxy(reason: reason)
    case CURLE_COULDNT_RESOLVE_HOST: return .unknownHost(url.host)
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: return .proxy(reason: reason)
    case CURLE_COULDNT_CONNECT: return connectionFailure(to: url)
    case CURLE_OPERATION_TIMEDOUT: return .connectTimedOut(host: url.host)
    case CURLE_SSL_CERTPROBLEM where shown != nil:
      return .clientCertificate(path: shown?.certificate ?? "", .refused(reason: reason))
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return .untrustedCertificate(host: url.host, reason: certificateReason)
    case CURLE_SSL_CACERT_BADFILE:
      return caFile.map { .unreadableCAFile(path: $0) }
        ?? .untrustedCertificate(host: url.host, reason: certificateReason)
    case CURLE_SSL_CONNECT_ERROR: return handshakeFailure(with: url)
    case CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CIPHER, CURLE_USE_SSL_FAILED,
      CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_SHUTDOWN_FAILED:
      return .tlsFailed(host: url.host, reason: reason)
    case CURLE_PARTIAL_FILE: return .cut(url: text, received: received, expected: expected)
    // libcurl begins again on another connection where it can: of an upload's source it cannot.
    case CURLE_SEND_FAIL_REWIND: return .reset(url: text, reason: .closedWhileSending)
    case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR:
      return brokenConnection(to: url, received: received)
    // What some send behind a HEAD, where nothing belongs, is no answer to what comes next.
    case CURLE_UNSUPPORTED_PROTOCOL where isReused, CURLE_WEIRD_SERVER_REPLY where isReused:
      return .reset(url: text, reason: .reported(reason))
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      return .notHTTP(host: url.host, port: url.port, reason: reason)
    // libcurl's word for a header line beyond its own limit.
    case CURLE_OUT_OF_MEMORY where !headIsComplete:
      return .tooLarge(url: text, limit: ResponseHead.limit, .head)
    default: return .other(url: text, code: code, reason: .reported(reason))
    }
  }

  /// The error for TLS that the server ended by an alert, before it answered; nil for anything else. With TLS 1.3 it may
  /// come when the client takes the handshake to be over.
  private func alertError(from url: HTTPURL, shown: ClientCertificate?) -> TransportError? {
    switch CURLcode(rawValue: UInt32(truncatingIfNeeded: code)) {
    case CURLE_SSL_CLIENTCERT, CURLE_SSL_CONNECT_ERROR, CURLE_SEND_ERROR, CURLE_RECV_ERROR:
      url.isPlain ? nil : TLSAlert(in: reason)?.error(from: url, shown: shown, saying: reason)
    default: nil
    }
  }

  private func connectionFailure(to url: HTTPURL) -> TransportError {
    // libcurl names whom it failed to reach; any other than the URL's host is a proxy.
    let host = url.host.drop { $0 == "[" }.prefix { $0 != "]" }
    if reason.contains("Failed to connect to "), !reason.contains("to \(host) port \(url.port)") {
      return .proxy(reason: reason)
    }
    switch systemError {
    case ECONNREFUSED: return .connectionRefused(host: url.host, port: url.port)
    case ETIMEDOUT: return .connectTimedOut(host: url.host)
    case 0: return .unreachable(host: url.host, reason: reason)
    default: return .unreachable(host: url.host, reason: unsafe String(cString: strerror(systemError)))
    }
  }

  private var certificateReason: String {
    for prefix in ["SSL certificate problem: ", "SSL: "] where reason.hasPrefix(prefix) {
      return String(reason.dropFirst(prefix.count))
    }
    return reason
  }

  /// What OpenSSL says of an answer that is no TLS.
  private static let plainAnswers = [
    "wrong version number", "packet length too long", "http request", "unknown protocol", "bad record type",
  ]
  /// What it says when the line broke in the middle of the handshake.
  private static let brokenLines = ["SSL_ERROR_SYSCALL", "unexpected eof", "reset by peer"]

  private func handshakeFailure(with url: HTTPURL) -> TransportError {
    if says(Self.plainAnswers) { return .plainHTTPServer(host: url.host, port: url.port) }
    if says(Self.brokenLines) { return .reset(url: url.description, reason: .reported(reason)) }
    if reason.contains("certificate verify failed") {
      return .untrustedCertificate(host: url.host, reason: certificateReason)
    }
    return .tlsFailed(host: url.host, reason: reason)
  }

  private func brokenConnection(to url: HTTPURL, received: Int64) -> TransportError {
    if reason.contains("from proxy") || reason.contains("CONNECT tunnel") { return .proxy(reason: reason) }
    if !url.isPlain, received == 0, says(Self.plainAnswers) {
      return .plainHTTPServer(host: url.host, port: url.port)
    }
    if let expected, received < expected, received > 0 {
      return .cut(url: url.description, received: received, expected: expected)
    }
    return .reset(url: url.description, reason: .reported(reason))
  }

  private func says(_ phrases: [String]) -> Bool {
    let words = reason.lowercased()
    return phrases.contains { words.contains($0.lowercased()) }
  }
}
