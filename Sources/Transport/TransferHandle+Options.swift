private import CCurl

extension TransferHandle {
  /// What libcurl takes from a socket at once, in bytes. Each transfer holds as much: twice that put an export
  /// over 32 MiB of memory and gained little. The pieces it lends are of 16 KiB whatever this is.
  private static let receiveBuffer = 256 << 10
  /// What a source is asked for at once, in bytes: 128 KiB cost a tenth more.
  private static let sendBuffer = 256 << 10

  /// Sets every option anew; connections, TLS sessions and resolved names stay. Throws ``TransportError/other(url:code:reason:)``
  /// when libcurl does not take one that matters: a transfer without its trust or its protocols would be another one.
  func configure(
    for exchange: Exchange, lines: HeaderLines, options: TransportOptions, limit: RateLimit?
  ) throws(TransportError) {
    unsafe curl_easy_reset(easy)
    unsafe message.pointee = 0
    refusedSetting = nil
    heed(unsafe ccurl_set_pointer(easy, CURLOPT_ERRORBUFFER, message))
    setConnection(options, limit: limit)
    setTrust(options)
    setRequest(exchange, lines: lines, options: options)
    setCallbacks(exchange)
    guard let code = refusedSetting else { return }
    let reason = unsafe String(cString: curl_easy_strerror(CURLcode(UInt32(code))))
    throw .other(
      url: exchange.request.url.description, code: code, reason: "libcurl refuses a setting: \(reason)")
  }

  private func setConnection(_ options: TransportOptions, limit: RateLimit?) {
    set(CURLOPT_NOSIGNAL, 1)
    // A name server that does not answer must not hold up a cancelled transfer.
    hint(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_PROTOCOLS_STR, "http,https")
    // Paused or slow HTTP/2 streams starve their siblings: one connection for each transfer.
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    set(CURLOPT_CONNECTTIMEOUT_MS, Self.milliseconds(options.connectTimeout))
    hint(CURLOPT_TCP_NODELAY, 1)
    hint(CURLOPT_TCP_KEEPALIVE, 1)
    // Finds a dead peer in minutes while a registry hashes what it was sent.
    hint(CURLOPT_TCP_KEEPIDLE, 30)
    hint(CURLOPT_TCP_KEEPINTVL, 15)
    hint(CURLOPT_BUFFERSIZE, min(Self.receiveBuffer, limit?.piece ?? .max))
    hint(CURLOPT_UPLOAD_BUFFERSIZE, min(Self.sendBuffer, limit?.piece ?? .max))
  }

  private func setTrust(_ options: TransportOptions) {
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let file = options.caFile { set(CURLOPT_CAINFO, file) }
    set(CURLOPT_SSL_VERIFYPEER, options.insecureSkipVerify ? 0 : 1)
    set(CURLOPT_SSL_VERIFYHOST, options.insecureSkipVerify ? 0 : 2)
  }

  private func setRequest(_ exchange: Exchange, lines: HeaderLines, options: TransportOptions) {
    let request = exchange.request
    set(CURLOPT_URL, request.url.full)
    set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
    set(CURLOPT_FOLLOWLOCATION, 0)
    set(CURLOPT_HTTP_CONTENT_DECODING, 0)
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    set(CURLOPT_USERAGENT, options.userAgent)
    // What is for the server is not for the proxy before it.
    set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
    heed(
      unsafe ccurl_set_list(
        easy, CURLOPT_HTTPHEADER, lines.pointer?.assumingMemoryBound(to: curl_slist.self)))
    let size = exchange.body.size
    if request.method == .head {
      set(CURLOPT_NOBODY, 1)
    } else if request.method.carriesBody || size > 0 {
      set(CURLOPT_UPLOAD, 1)
      heed(unsafe ccurl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(size)))
    }
    if request.method != .head { set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
  }

  private func setCallbacks(_ exchange: Exchange) {
    let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
    heed(unsafe ccurl_set_pointer(easy, CURLOPT_HEADERDATA, context))
    heed(unsafe ccurl_set_pointer(easy, CURLOPT_WRITEDATA, context))
    heed(unsafe ccurl_set_pointer(easy, CURLOPT_READDATA, context))
    heed(unsafe ccurl_set_pointer(easy, CURLOPT_SEEKDATA, context))
    heed(
      unsafe ccurl_set_data_callback(easy, CURLOPT_HEADERFUNCTION) { data, size, count, context in
        unsafe lend(data, size, count, to: context) { $0.takeHeadLine($1) }
      })
    heed(
      unsafe ccurl_set_data_callback(easy, CURLOPT_WRITEFUNCTION) { data, size, count, context in
        unsafe lend(data, size, count, to: context) { $0.takeBody($1) }
      })
    heed(
      unsafe ccurl_set_data_callback(easy, CURLOPT_READFUNCTION) { data, size, count, context in
        guard let data = unsafe data, let context = unsafe context else { return Int(CURL_READFUNC_ABORT) }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        let filled = unsafe exchange.fill(UnsafeMutableRawBufferPointer(start: data, count: size * count))
        return filled ?? Int(CURL_READFUNC_ABORT)
      })
    heed(
      unsafe ccurl_set_seek_callback(easy) { context, offset, origin in
        guard let context = unsafe context, offset == 0, origin == 0 else { return CURL_SEEKFUNC_FAIL }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        return exchange.rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
      })
  }

  private func set(_ option: CURLoption, _ value: Int) {
    heed(unsafe ccurl_set_long(easy, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) {
    heed(unsafe ccurl_set_string(easy, option, value))
  }

  /// Sets what makes a transfer quicker or gentler, where this libcurl has it.
  private func hint(_ option: CURLoption, _ value: Int) {
    _ = unsafe ccurl_set_long(easy, option, value)
  }

  /// The first refusal stays.
  private func heed(_ code: CURLcode) {
    if code != CURLE_OK, refusedSetting == nil { refusedSetting = Int(code.rawValue) }
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    Int(min(max(duration / .milliseconds(1), 1), 1e9))
  }
}

/// Lends what a callback was given to its exchange; libcurl takes any count but the given one for "stop".
private func lend(
  _ data: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, to context: UnsafeMutableRawPointer?,
  _ take: (Exchange, RawSpan) -> Bool
) -> Int {
  let total = size * count
  guard total > 0, let data = unsafe data, let context = unsafe context else { return total }
  let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  return unsafe take(exchange, UnsafeRawBufferPointer(start: data, count: total).bytes) ? total : 0
}
