import Foundation

/// Debian's nginx speaking TLS on a free port of loopback, before a server that speaks plain HTTP.
public final class NginxProcess: Sendable {
  /// How requests are passed on.
  public struct Forwarding: Sendable {
    /// The `Host` that the server behind is told; nginx's variables are known.
    public var host = "$http_host"
    /// The scheme that it is told.
    public var scheme = "https"
    /// The path below which the server behind answers, without a slash at its end.
    public var prefix = ""
    /// The most bytes of a request's body, as nginx writes sizes; `0` is no limit.
    public var bodyLimit = "0"
    /// Whether a request is taken whole before it is passed on.
    public var buffersRequests = false

    public init() {}
  }

  /// `127.0.0.1:port`.
  public let host: String
  private let process: ChildProcess
  private let directory: TemporaryDirectory

  /// Starts nginx before `upstream`, a `host:port`.
  ///
  /// - Parameters:
  ///   - certificate: what it shows; the shared authority's certificate for loopback if nil.
  ///   - forwarding: what the server behind it is told, and how.
  ///   - directives: added to its `server` block, such as `location` blocks of one's own.
  public init(
    before upstream: String, certificate: (certificate: String, key: String)? = nil,
    forwarding: Forwarding = Forwarding(), directives: String = ""
  ) throws {
    let directory = TemporaryDirectory()
    let certificate = try certificate ?? CertificateAuthority.shared().server
    var failure = ""
    for _ in 1...10 {
      // nginx takes no port 0 and, as a single process, no inherited socket (1.22 dies of it): a port that
      // was free a moment ago, and another if it no longer is.
      let host = ScriptedServer { _ in .silence }.host
      let file = "\(directory.path)/nginx.conf"
      try Self.configuration(
        host: host, upstream: upstream, certificate: certificate, forwarding: forwarding,
        directives: directives, directory: directory.path
      ).write(toFile: file, atomically: true, encoding: .utf8)
      let process = try Command("nginx", ["-p", directory.path, "-e", "stderr", "-c", file]).start()
      _ = process.waitForError { $0.contains("event method") || $0.contains("bind()") }
      if process.isRunning && !process.standardError.contains("bind()") {
        self.host = host
        self.process = process
        self.directory = directory
        return
      }
      process.kill()
      failure = process.standardError
    }
    throw TestFailure("nginx did not start: \(failure)")
  }

  private static func configuration(
    host: String, upstream: String, certificate: (certificate: String, key: String), forwarding: Forwarding,
    directives: String, directory: String
  ) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "\($0)_temp_path \(directory)/\($0);" }.joined(separator: "\n  ")
    // One process, so that it can be ended by its id.
    return """
      daemon off; master_process off; pid \(directory)/pid; error_log stderr notice;
      events { worker_connections 256; }
      http {
        access_log /dev/stdout combined;
        client_max_body_size 0;
        \(temporary)
        server {
          listen \(host) ssl;
          ssl_certificate \(certificate.certificate);
          ssl_certificate_key \(certificate.key);
          location / {
            client_max_body_size \(forwarding.bodyLimit);
            proxy_pass http://\(upstream)\(forwarding.prefix.isEmpty ? "" : "\(forwarding.prefix)/");
            proxy_http_version 1.1;
            proxy_set_header Host \(forwarding.host);
            proxy_set_header X-Forwarded-Proto \(forwarding.scheme);
            proxy_buffering off;
            proxy_request_buffering \(forwarding.buffersRequests ? "on" : "off");
          }
          \(directives)
        }
      }
      """
  }

  /// `https://127.0.0.1:port`.
  public var url: String { "https://\(host)" }

  /// Every request that was answered; all of them once nginx was stopped.
  public var requests: [LoggedRequest] {
    process.standardOutput.split(separator: "\n").compactMap { LoggedRequest($0) }
  }

  public func stop() { process.terminate() }
}
