/// Why bytes could not be moved. URLs are redacted texts (``HTTPURL/description``), reasons that are texts the words of
/// libcurl or OpenSSL.
public enum TransportError: Error, Hashable, Sendable {
  case invalidURL(String, URLFault)
  /// A header whose name or value would break out of its line.
  case invalidHeader(name: String)
  case unknownHost(String)
  case connectionRefused(host: String, port: Int)
  case unreachable(host: String, reason: String)
  case connectTimedOut(host: String)
  case untrustedCertificate(host: String, reason: String)
  /// This machine has no certificate authorities where systems keep them, so that no server can be trusted.
  case noAuthorities(host: String)
  case tlsFailed(host: String, reason: String)
  /// TLS was spoken to a server that answered in plain text.
  case plainHTTPServer(host: String, port: Int)
  /// What answered does not speak HTTP: perhaps TLS, when the request was plain.
  case notHTTP(host: String, port: Int, reason: String)
  /// No byte moved for `seconds`, or no more than `bytes`.
  case stalled(url: String, seconds: Int, bytes: Int64 = 0)
  /// The host asks to be left alone for `seconds`, until a moment in seconds since 1970; that is more than `limit`.
  case waitTooLong(host: String, until: Int64, seconds: Int64, limit: Duration)
  /// The connection ended after `received` of `expected` bytes of a body; nil where no length was declared.
  case cut(url: String, received: Int64, expected: Int64?)
  /// The connection broke before the answer was complete.
  case reset(url: String, reason: ResetReason)
  /// A part of an answer beyond its `limit` in bytes.
  case tooLarge(url: String, limit: Int, AnswerPart = .body)
  case tooManyRedirects(url: String)
  case redirectRefused(from: String, to: String, reason: RedirectRefusal)
  /// A host, at an `address` where it is not refused by what it is called, that is none to go to: because the server `by`
  /// leads there, or where the user named it, because it is a metadata service behind another name.
  case addressRefused(host: String, address: String?, AddressClass, by: String?)
  /// The source of an upload ended after `sent` of `expected` bytes.
  case sourceEnded(url: String, sent: Int64, expected: Int64)
  case unreadableCAFile(path: String)
  /// The server ended TLS over who asks: it wants a client certificate, or another than `shown`, a path. Where not
  /// `isCertain`, it may have ended it for another reason.
  case clientCertificateWanted(host: String, shown: String?, reason: String, isCertain: Bool)
  /// A file of a client certificate that cannot be used.
  case clientCertificate(path: String, ClientCertificateFault)
  case proxy(reason: String)
  /// The task that made the call was cancelled.
  case cancelled
  /// Anything else libcurl reported: `code` is its CURLcode.
  case other(url: String, code: Int, reason: LibraryReason)
}

/// Why a text is no URL.
public enum URLFault: Hashable, Sendable {
  /// It is empty, or longer than any that is read.
  case length
  case zeroByte
  /// The parser has no memory.
  case memory
  /// What libcurl's parser says.
  case unparsed(reason: String)
  /// Neither http nor https.
  case scheme
  /// No host, or none that a resolver takes as it stands.
  case host
  case port
}

/// Why a client certificate, or its key, cannot be shown.
public enum ClientCertificateFault: Hashable, Sendable {
  case unreadable
  /// The file holds no certificate in PEM form.
  case noCertificate
  /// The file holds no private key in PEM form.
  case noKey
  /// The key is protected by a passphrase.
  case encryptedKey
  /// Its other half is not there.
  case withoutOther(path: String)
  /// What libcurl or OpenSSL says, such as that key and certificate are not of one pair.
  case refused(reason: String)
}

/// Why libcurl did not do what it was asked.
public enum LibraryReason: Hashable, Sendable {
  /// What it says itself.
  case reported(String)
  case notInitialised
  /// It does not know an option, or not this value of it; what it says.
  case setting(String)
  case memory
}

/// What an answer has.
public enum AnswerPart: Hashable, Sendable {
  /// Its head, or the lines of that kind behind its body.
  case head
  /// What was asked for.
  case body
  /// The text that says what went wrong.
  case errorBody
}

/// How a connection broke.
public enum ResetReason: Hashable, Sendable {
  /// What libcurl or OpenSSL says.
  case reported(String)
  case bodyWithoutHead
  case incompleteHead
  /// One interim answer (1xx) after the other, and no other.
  case interimAnswers
  /// The answer's head says of two lengths that they are its body's.
  case twoLengths
  /// The other side closed it before it had all that was to be sent.
  case closedWhileSending
}

/// Why a redirect was not followed.
public enum RedirectRefusal: Hashable, Sendable {
  /// From https to http.
  case downgrade
  /// Neither http nor https.
  case scheme
  /// The target carries a user name or password.
  case userInfo
  /// The target is no URL.
  case malformed
}

extension TransportError {
  /// Whether the same exchange may well succeed a little later: the line failed, not the request.
  public var isRetryable: Bool {
    switch self {
    case .unknownHost, .connectionRefused, .unreachable, .connectTimedOut, .stalled, .cut, .reset: true
    case .proxy: !isProxyLogin
    case .invalidURL, .invalidHeader, .untrustedCertificate, .noAuthorities, .tlsFailed, .plainHTTPServer,
      .notHTTP, .waitTooLong, .tooLarge, .tooManyRedirects, .redirectRefused, .addressRefused, .sourceEnded,
      .unreadableCAFile,
      .clientCertificateWanted, .clientCertificate, .cancelled, .other:
      false
    }
  }

  /// Whether it may be how a server ended TLS that does not take who asks, and cannot be told from others for certain.
  var mayBeRefusal: Bool {
    switch self {
    case .reset, .clientCertificateWanted(_, _, _, isCertain: false): true
    default: false
    }
  }

  /// Whether a proxy wants a login, or another than it was given (407): that does not pass.
  public var isProxyLogin: Bool {
    guard case .proxy(let reason) = self else { return false }
    return ["code 407", "response 407"].contains { reason.contains($0) }
  }

  /// Whether no connection came about at all. From a host that never answered, a mistyped name is
  /// likelier than a fault that passes.
  var isAboutReaching: Bool {
    switch self {
    case .unknownHost, .connectionRefused, .unreachable, .connectTimedOut, .proxy: true
    default: false
    }
  }
}
