import Credentials
import Transport

/// The words for exchanges that failed.
extension TransportError: WordedError {
  var text: ErrorText {
    switch self {
    case .invalidURL(let url, let fault):
      return ErrorText("'\(url)' is no address: \(fault.words)", .networkFailed)
    case .invalidHeader(let name):
      return ErrorText("a value for the header \(name) holds characters that no header may", .usage)
    case .unknownHost(let host):
      return ErrorText(
        "the host \(host) is unknown",
        remedy: "Check the name's spelling and this machine's DNS; proxies come from https_proxy.",
        .networkFailed)
    case .connectionRefused(let host, let port):
      return ErrorText(
        "\(host) refuses connections on port \(port)",
        remedy: "Check that the registry runs there and that the port is right.", .networkFailed)
    case .unreachable(let host, let reason):
      return ErrorText(
        "\(host) cannot be reached: \(reason)", remedy: "Check the network, firewall and proxy.",
        .networkFailed)
    case .connectTimedOut(let host):
      return ErrorText(
        "\(host) does not answer", remedy: "Check the network, firewall and proxy.", .networkFailed)
    case .untrustedCertificate(let host, let reason):
      return ErrorText(
        "the certificate of \(host) is not trusted: \(reason)",
        remedy: "If the registry uses a private CA, name its certificate with --ca-file.", .networkFailed)
    case .noAuthorities(let host):
      return ErrorText(
        "this machine has no certificate authorities by which \(host) could be trusted",
        remedy:
          "Install them (ca-certificates), or name a file of them with --ca-file or \(EnvironmentVariable.sslCertFile).",
        .networkFailed)
    case .tlsFailed(let host, let reason):
      return ErrorText("no TLS connection to \(host): \(reason)", .networkFailed)
    case .plainHTTPServer(let host, let port):
      return ErrorText(
        "\(host) speaks plain HTTP on port \(port), not HTTPS",
        remedy: "If that is meant to be so, add --plain-http.", .networkFailed)
    case .notHTTP(let host, let port, let reason):
      return ErrorText(
        "what answers on port \(port) of \(host) does not speak HTTP: \(reason)",
        remedy: "If it speaks HTTPS, leave out --plain-http.", .networkFailed)
    case .stalled(let url, let seconds, let bytes):
      return ErrorText(
        "\(bytes > 0 ? "no more than \(bytes) bytes moved in" : "no byte came for" as Wording) \(seconds) s \(bytes > 0 ? "with" : "from") \(url)",
        remedy: "Run the same command again, with a larger --stall-timeout if the line is slow.",
        .networkFailed)
    case .waitTooLong(let host, let until, let seconds, let limit):
      // The option must allow what is asked for, and reach a little beyond it.
      let minutes = seconds / 60 + 1
      let isAllowed = minutes * 60 <= ConnectionOptions.longestPersistence
      return ErrorText(
        "\(host) asks to wait until \(WaitingText.moment(until)) (\(Amounts.duration(seconds: Double(seconds)))), longer "
          + "than --max-wait allows (\(Amounts.duration(seconds: limit / .seconds(1))))",
        remedy: "Run the same command again then"
          + (isAllowed ? ", or now with --max-wait \(TimeSpan(seconds: minutes * 60))." : "."), .networkFailed
      )
    case .cut(let url, let received, let expected):
      let of = expected.map { " of \($0)" } ?? ""
      return ErrorText(
        "the connection ended after \(received)\(of) bytes from \(url)",
        remedy: "Run the same command again.", .networkFailed)
    case .reset(let url, let reason):
      return ErrorText(
        "the connection broke: \(reason.words) (\(url))", remedy: "Run the same command again.",
        .networkFailed)
    case .tooLarge(let url, let limit, let part):
      return ErrorText("the \(part.words) from \(url) is larger than \(limit) bytes", .networkFailed)
    case .tooManyRedirects(let url): return ErrorText("\(url) redirects without end", .networkFailed)
    case .redirectRefused(let from, let to, let reason):
      return ErrorText("\(from) redirects to \(to), \(reason.words)", .networkFailed)
    case .addressRefused(let host, let address, let kind, let sender):
      let place: Wording = address.map { "\(host) (\($0))" } ?? "\(host)"
      let isPrivate = kind == .local || kind == .loopback
      return ErrorText(
        sender.map { "\($0) leads to \(place), \(kind.words): nothing was sent there" }
          ?? "the name leads to \(place), \(kind.words): nothing was sent there",
        remedy: isPrivate
          ? "If that host is yours and meant, add --private-host \(host)."
          : "No registry has anything there: tell whoever runs it, or the name server that gives this address.",
        .networkFailed)
    case .sourceEnded(let url, let sent, let expected):
      return ErrorText(
        "the archive ended after \(sent) of \(expected) bytes that were to go to \(url)", .integrityFailure)
    case .unreadableCAFile(let path):
      return ErrorText(
        "cannot read certificates from \(path)",
        remedy:
          "--ca-file, \(EnvironmentVariable.sslCertFile) and \(EnvironmentVariable.curlCABundle) take one or "
          + "more certificates in PEM form.", .usage)
    case .clientCertificateWanted(let host, nil, let reason, let isCertain):
      return ErrorText(
        isCertain
          ? "\(host) wants a client certificate: \(reason)"
          : "\(host) ends the TLS handshake, and may want a client certificate: \(reason)",
        remedy: "Give it with --client-cert and --client-key, or put client.cert and client.key into "
          + "~/.config/containers/certs.d/\(host)/.", .credentialsRefused)
    case .clientCertificateWanted(let host, let shown?, let reason, let isCertain):
      return ErrorText(
        isCertain
          ? "\(host) refuses the client certificate in \(shown): \(reason)"
          : "\(host) ends the TLS handshake, and may want another client certificate than \(shown): \(reason)",
        remedy: "Check that it is this registry's and unexpired, or give another with --client-cert and "
          + "--client-key.", .credentialsRefused)
    case .clientCertificate(let path, let fault):
      return ErrorText(
        "the client certificate cannot be shown: \(path) \(fault.words)", remedy: fault.remedy, .usage)
    case .proxy(let reason) where isProxyLogin:
      return ErrorText(
        "the proxy wants a login, or another one: \(reason)",
        remedy: "Give it in https_proxy or http_proxy: http://USER:PASSWORD@HOST:PORT.", .networkFailed)
    case .proxy(let reason)
    where ["Could not resolve host", "Failed to resolve"].contains(where: reason.hasPrefix):
      return ErrorText(
        "\(reason), as a proxy of socks5:// or socks4:// leaves to this machine",
        remedy: "With socks5h:// or socks4a:// in https_proxy or http_proxy the proxy looks names up itself.",
        .networkFailed)
    case .proxy(let reason):
      return ErrorText(
        "the proxy failed: \(reason)", remedy: "Check https_proxy, http_proxy and no_proxy.", .networkFailed)
    case .cancelled: return .interrupted
    case .other(let url, let code, let reason):
      return ErrorText("\(reason.words) (curl error \(code), \(url))", .networkFailed)
    }
  }
}

extension ClientCertificateFault {
  /// What the file is, behind its path.
  fileprivate var words: Wording {
    switch self {
    case .unreadable: "cannot be read"
    case .noCertificate: "holds no certificate in PEM form"
    case .noKey: "holds no private key in PEM form"
    case .encryptedKey: "holds a key that is protected by a passphrase"
    case .withoutOther(let path): "stands there without \(path)"
    case .refused(let reason): "and its key are refused: \(reason)"
    }
  }

  fileprivate var remedy: Wording? {
    switch self {
    case .unreadable: nil
    case .noCertificate:
      "--client-cert takes a certificate in PEM form, and behind it what leads to its authority."
    case .noKey: "Name the key's file with --client-key."
    case .encryptedKey:
      "Take the passphrase off, into a file that you alone may read: openssl pkey -in KEY -out FILE."
    case .withoutOther:
      "A certificate NAME.cert and its key NAME.key lie side by side; an authority is called *.crt."
    case .refused:
      "Check that they are of one pair: openssl x509 -noout -pubkey and openssl pkey -pubout print the same."
    }
  }
}

extension URLFault {
  var words: Wording {
    switch self {
    case .length: "empty or too long"
    case .zeroByte: "holds a zero byte"
    case .memory: "out of memory"
    case .unparsed(let reason): "\(reason)"
    case .scheme: "neither http nor https"
    case .host: "no usable host"
    case .port: "no usable port"
    }
  }
}

extension LibraryReason {
  fileprivate var words: Wording {
    switch self {
    case .reported(let reason): "\(reason)"
    case .notInitialised: "libcurl could not be initialised"
    case .setting(let reason): "libcurl refuses a setting: \(reason)"
    case .memory: "out of memory"
    }
  }
}

extension AnswerPart {
  fileprivate var words: Wording {
    switch self {
    case .head: "head of the answer"
    case .body: "answer"
    case .errorBody: "text of an error"
    }
  }
}

extension ResetReason {
  fileprivate var words: Wording {
    switch self {
    case .reported(let reason): "\(reason)"
    case .bodyWithoutHead: "a body without a head"
    case .incompleteHead: "the head of the answer is incomplete"
    case .twoLengths: "the head of the answer says two lengths of its body, which breaks the protocol"
    case .closedWhileSending: "the registry closed it before it had all that was sent"
    case .interimAnswers: "one interim answer after the other, and no answer"
    }
  }
}

extension AddressClass {
  /// What it is that an address leads to.
  fileprivate var words: Wording {
    switch self {
    case .ordinary: "which is an address like any other"
    case .local: "which is an address of a private network"
    case .loopback: "which is this machine"
    case .reserved: "which is no host's address"
    case .linkLocal: "which is an address of the local link"
    case .metadata: "which serves a cloud's metadata"
    }
  }
}

extension RedirectRefusal {
  fileprivate var words: Wording {
    switch self {
    case .downgrade: "which would leave HTTPS"
    case .scheme: "which is neither HTTP nor HTTPS"
    case .userInfo: "which carries a login"
    case .malformed: "which is no address"
    }
  }
}
