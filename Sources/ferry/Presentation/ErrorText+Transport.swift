import Transport

extension ErrorText {
  init(transport error: TransportError) {
    switch error {
    case .invalidURL(let url, let reason):
      self.init("'\(url)' is no address: \(reason)", .networkFailed)
    case .invalidHeader(let name):
      self.init("a value for the header \(name) holds characters that no header may", .usage)
    case .unknownHost(let host):
      self.init(
        "the host \(host) is unknown",
        remedy: "Check the name's spelling and this machine's DNS; proxies come from https_proxy.",
        .networkFailed)
    case .connectionRefused(let host, let port):
      self.init(
        "\(host) refuses connections on port \(port)",
        remedy: "Check that the registry runs there and that the port is right.", .networkFailed)
    case .unreachable(let host, let reason):
      self.init(
        "\(host) cannot be reached: \(reason)", remedy: "Check the network, firewall and proxy.",
        .networkFailed)
    case .connectTimedOut(let host):
      self.init(
        "\(host) does not answer", remedy: "Check the network, firewall and proxy.", .networkFailed)
    case .untrustedCertificate(let host, let reason):
      self.init(
        "the certificate of \(host) is not trusted: \(reason)",
        remedy: "If the registry uses a private CA, name its certificate with --ca-file.", .networkFailed)
    case .tlsFailed(let host, let reason):
      self.init("no TLS connection to \(host): \(reason)", .networkFailed)
    case .plainHTTPServer(let host, let port):
      self.init(
        "\(host) speaks plain HTTP on port \(port), not HTTPS",
        remedy: "If that is meant to be so, add --plain-http.", .networkFailed)
    case .notHTTP(let host, let port, let reason):
      self.init(
        "what answers on port \(port) of \(host) does not speak HTTP: \(reason)",
        remedy: "If it speaks HTTPS, leave out --plain-http.", .networkFailed)
    case .stalled(let url, let seconds):
      self.init(
        "no byte came for \(seconds) s from \(url)",
        remedy: "Run the same command again, with a larger --stall-timeout if the line is slow.",
        .networkFailed)
    case .cut(let url, let received, let expected):
      let of = expected.map { " of \($0)" } ?? ""
      self.init(
        "the connection ended after \(received)\(of) bytes from \(url)",
        remedy: "Run the same command again.", .networkFailed)
    case .reset(let url, let reason):
      self.init(
        "the connection broke: \(reason) (\(url))", remedy: "Run the same command again.", .networkFailed)
    case .tooLarge(let url, let limit):
      self.init("the answer from \(url) is larger than \(limit) bytes", .networkFailed)
    case .tooManyRedirects(let url): self.init("\(url) redirects without end", .networkFailed)
    case .redirectRefused(let from, let to, let reason):
      self.init("\(from) redirects to \(to), \(Self.words(for: reason))", .networkFailed)
    case .sourceEnded(let url, let sent, let expected):
      self.init(
        "the archive ended after \(sent) of \(expected) bytes that were to go to \(url)", .integrityFailure)
    case .unreadableCAFile(let path):
      self.init(
        "cannot read certificates from \(path)",
        remedy: "--ca-file takes one or more certificates in PEM form.", .usage)
    case .proxy(let reason):
      self.init(
        "the proxy failed: \(reason)", remedy: "Check https_proxy, http_proxy and no_proxy.", .networkFailed)
    case .cancelled: self = .interrupted
    case .other(let url, let code, let reason):
      self.init("\(reason) (curl error \(code), \(url))", .networkFailed)
    }
  }

  private static func words(for refusal: RedirectRefusal) -> Wording {
    switch refusal {
    case .downgrade: "which would leave HTTPS"
    case .scheme: "which is neither HTTP nor HTTPS"
    case .userInfo: "which carries a login"
    case .malformed: "which is no address"
    }
  }
}
