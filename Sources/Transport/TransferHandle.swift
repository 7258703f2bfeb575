private import CCurl
internal import Synchronization

/// libcurl's side of one transfer at a time: an easy handle and the multi handle that drives it and keeps
/// its connections for the next.
///
/// Both may move between threads as long as one thread at a time uses them; ``HandlePool`` sees to that.
@safe final class TransferHandle: @unchecked Sendable {
  private let easy: EasyHandle
  private let multi: UnsafeMutableRawPointer

  /// Idle connections kept: a registry, its token service and where its blobs are redirected to.
  private static let idleConnections = 8
  /// How long a wait for the socket may last before cancellation and stalls are looked at again, in
  /// milliseconds.
  private static let attention: Int32 = 50

  /// How long a server is listened to. Whoever refuses a certificate does so when it comes.
  private static let patience = Duration.seconds(3)

  /// Nil when libcurl cannot be set up.
  init?() {
    guard let easy = EasyHandle(), let multi = unsafe curl_multi_init() else { return nil }
    self.easy = easy
    unsafe self.multi = multi
    _ = unsafe ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.idleConnections)
  }

  deinit { _ = unsafe curl_multi_cleanup(multi) }

  /// Performs `exchange`; blocks until it has ended by itself or was interrupted.
  func perform(
    _ exchange: Exchange, by route: Route, options: TransportOptions, limit: RateLimit?
  ) throws(TransportError) -> TransferOutcome {
    let lines = try HeaderLines(exchange.request)
    try easy.configure(for: exchange, by: route, lines: lines, options: options, limit: limit)
    let code = withExtendedLifetime((exchange, lines)) { drive(exchange) }
    return easy.outcome(Int(code.rawValue))
  }

  /// Connects as `exchange` would and asks nothing, to hear whether the server ends the connection all the same, and how.
  func listen(
    _ exchange: Exchange, by route: Route, options: TransportOptions, limit: RateLimit?
  ) throws(TransportError) -> HandshakeTalk {
    let lines = try HeaderLines(exchange.request)
    let talk = HandshakeTalk()
    try easy.configure(for: exchange, by: route, lines: lines, options: options, limit: limit)
    easy.connectOnly(telling: talk)
    withExtendedLifetime((exchange, lines, talk)) {
      // The connection goes with the transfer.
      _ = drive(exchange) { if $0 == CURLE_OK { easy.listen(Self.patience) } }
    }
    return talk
  }

  /// Runs the transfer to its end. Returns its CURLcode, which `finish` hears of while the connection is still there.
  private func drive(_ exchange: Exchange, finish: (CURLcode) -> Void = { _ in }) -> CURLcode {
    guard unsafe curl_multi_add_handle(multi, easy.pointer) == CURLM_OK else { return CURLE_FAILED_INIT }
    defer { _ = unsafe curl_multi_remove_handle(multi, easy.pointer) }
    var sent: Int64 = 0
    while true {
      var running: Int32 = 0
      guard unsafe curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      if running == 0 {
        let code = result()
        finish(code)
        return code
      }
      look(at: exchange, sent: &sent)
      if exchange.interruption != nil { return CURLE_ABORTED_BY_CALLBACK }
      _ = unsafe curl_multi_poll(multi, nil, 0, Self.attention, nil)
    }
  }

  /// Interrupts a transfer whose task was cancelled or that stands still.
  private func look(at exchange: Exchange, sent: inout Int64) {
    let now = ContinuousClock.now
    if Task.isCancelled { exchange.cancel(at: now) }
    if exchange.watch.isConnecting {
      guard easy.isConnected else { return }
      exchange.watch.connected(at: now)
    }
    let uploaded = exchange.body.size == 0 ? 0 : easy.uploaded
    if uploaded != sent {
      exchange.watch.moved(max(0, uploaded - sent), at: now)
      sent = uploaded
    }
    if uploaded >= exchange.body.size { exchange.watch.sentAll(at: now) }
    if let stall = exchange.watch.stall(at: now) {
      let seconds = Int(clamping: stall.time.components.seconds)
      exchange.interrupt(
        .failed(.stalled(url: exchange.request.url.description, seconds: seconds, bytes: stall.bytes)))
    }
  }

  private func result() -> CURLcode {
    var left: Int32 = 0
    while let entry = unsafe curl_multi_info_read(multi, &left) {
      if unsafe entry.pointee.msg == CURLMSG_DONE { return unsafe entry.pointee.data.result }
    }
    return CURLE_FAILED_INIT
  }
}

/// The idle handles of a client. The one used last is given first: its connections are the freshest.
final class HandlePool: Sendable {
  private let idle = Mutex<[TransferHandle]>([])

  /// A handle for the calling thread alone, until it is given back.
  func take() throws(TransportError) -> TransferHandle {
    if let handle = idle.withLock({ $0.popLast() }) { return handle }
    guard let handle = TransferHandle() else {
      throw .other(url: "", code: 2, reason: .notInitialised)
    }
    return handle
  }

  func give(_ handle: TransferHandle) {
    idle.withLock { $0.append(handle) }
  }
}

/// libcurl's state of the process.
public enum CurlLibrary {
  /// The libraries that bytes move through, with their versions, as libcurl names them.
  public static var versions: String { unsafe String(cString: curl_version()) }

  /// Whether libcurl could be initialised; done once, at the first question.
  static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}
