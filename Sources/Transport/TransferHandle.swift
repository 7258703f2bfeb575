private import CCurl

/// libcurl's side of one transfer at a time: an easy handle and the multi handle that drives it and keeps
/// its connections for the next.
///
/// Both may move between threads as long as one thread at a time uses them; ``HandlePool`` sees to that.
@safe final class TransferHandle: @unchecked Sendable {
  let easy: UnsafeMutableRawPointer
  /// Where libcurl writes what went wrong.
  let message: UnsafeMutablePointer<CChar>
  private let multi: UnsafeMutableRawPointer
  /// The CURLcode of the first setting of the transfer at hand that libcurl did not take; nil when it took all.
  var refusedSetting: Int?

  /// Idle connections kept: a registry, its token service and where its blobs are redirected to.
  private static let idleConnections = 8
  /// How long a wait for the socket may last before cancellation and stalls are looked at again, in
  /// milliseconds.
  private static let attention: Int32 = 50

  /// Nil when libcurl cannot be set up.
  init?() {
    guard CurlLibrary.isReady, let easy = unsafe curl_easy_init() else { return nil }
    guard let multi = unsafe curl_multi_init() else {
      unsafe curl_easy_cleanup(easy)
      return nil
    }
    unsafe self.easy = easy
    unsafe self.multi = multi
    unsafe message = .allocate(capacity: Int(CURL_ERROR_SIZE))
    unsafe message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    _ = unsafe ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.idleConnections)
  }

  deinit {
    unsafe curl_easy_cleanup(easy)
    _ = unsafe curl_multi_cleanup(multi)
    unsafe message.deallocate()
  }

  /// Performs `exchange`; blocks until it has ended by itself or was interrupted.
  func perform(
    _ exchange: Exchange, options: TransportOptions, limit: RateLimit?
  ) throws(TransportError) -> TransferOutcome {
    let lines = try HeaderLines(exchange.request)
    try configure(for: exchange, lines: lines, options: options, limit: limit)
    let code = withExtendedLifetime((exchange, lines)) { drive(exchange) }
    return outcome(code)
  }

  /// Runs the transfer to its end. Returns its CURLcode.
  private func drive(_ exchange: Exchange) -> CURLcode {
    guard unsafe curl_multi_add_handle(multi, easy) == CURLM_OK else { return CURLE_FAILED_INIT }
    defer { _ = unsafe curl_multi_remove_handle(multi, easy) }
    var sent: Int64 = 0
    while true {
      var running: Int32 = 0
      guard unsafe curl_multi_perform(multi, &running) == CURLM_OK else { return CURLE_FAILED_INIT }
      if running == 0 { return result() }
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
      guard number(CURLINFO_PRETRANSFER_TIME_T) > 0 else { return }
      exchange.watch.connected(at: now)
    }
    let uploaded = exchange.body.size == 0 ? 0 : number(CURLINFO_SIZE_UPLOAD_T)
    if uploaded != sent {
      sent = uploaded
      exchange.watch.moved(at: now)
    }
    if uploaded >= exchange.body.size { exchange.watch.sentAll(at: now) }
    if let limit = exchange.watch.stall(at: now) {
      let seconds = Int(clamping: limit.components.seconds)
      exchange.interrupt(.failed(.stalled(url: exchange.request.url.description, seconds: seconds)))
    }
  }

  private func result() -> CURLcode {
    var left: Int32 = 0
    while let entry = unsafe curl_multi_info_read(multi, &left) {
      if unsafe entry.pointee.msg == CURLMSG_DONE { return unsafe entry.pointee.data.result }
    }
    return CURLE_FAILED_INIT
  }

  private func outcome(_ code: CURLcode) -> TransferOutcome {
    let expected = number(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
    var systemError = 0
    _ = unsafe ccurl_get_long(easy, CURLINFO_OS_ERRNO, &systemError)
    var reason = unsafe String(cString: message)
    // libcurl quotes a proxy's whole address here, password and all.
    if reason.hasPrefix("Unsupported proxy") {
      reason = String(reason.prefix { $0 != "'" }) + "the proxy's address"
    }
    return TransferOutcome(
      code: Int(code.rawValue),
      reason: reason.isEmpty ? unsafe String(cString: curl_easy_strerror(code)) : reason,
      systemError: Int32(truncatingIfNeeded: systemError), expected: expected < 0 ? nil : expected)
  }

  private func number(_ info: CURLINFO) -> Int64 {
    var value: curl_off_t = 0
    return unsafe ccurl_get_offset(easy, info, &value) == CURLE_OK ? Int64(value) : 0
  }
}
