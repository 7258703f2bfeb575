private import CCurl
private import Glibc

/// libcurl's easy handle: what a transfer is told to do and, when it has ended, what libcurl says of it. Connections, TLS
/// sessions and resolved names outlive a transfer.
///
/// It may move between threads as long as one thread at a time uses it.
@safe final class EasyHandle {
  /// For the multi handle that drives it.
  let pointer: UnsafeMutableRawPointer
  /// Where libcurl writes what went wrong.
  private let message: UnsafeMutablePointer<CChar>
  /// The CURLcode of the first setting of the transfer at hand that libcurl did not take; nil when it took all.
  private var refusedSetting: Int?

  /// What libcurl takes from a socket at once, in bytes. Each transfer holds as much: twice that put an export
  /// over 32 MiB of memory and gained little. The pieces it lends are of 16 KiB whatever this is.
  private static let receiveBuffer = 256 << 10
  /// What a source is asked for at once, in bytes: 128 KiB cost a tenth more.
  private static let sendBuffer = 256 << 10

  /// Nil when libcurl cannot be set up.
  init?() {
    guard CurlLibrary.isReady, let pointer = unsafe curl_easy_init() else { return nil }
    unsafe self.pointer = pointer
    unsafe message = .allocate(capacity: Int(CURL_ERROR_SIZE))
    unsafe message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    unsafe curl_easy_cleanup(pointer)
    unsafe message.deallocate()
  }

  /// Sets every option anew; connections, TLS sessions and resolved names stay. Throws ``TransportError/other(url:code:reason:)``
  /// when libcurl does not take one that matters: a transfer without its trust or its protocols would be another one.
  func configure(
    for exchange: Exchange, by route: Route, lines: HeaderLines, options: TransportOptions, limit: RateLimit?
  ) throws(TransportError) {
    unsafe curl_easy_reset(pointer)
    unsafe message.pointee = 0
    refusedSetting = nil
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_ERRORBUFFER, message))
    setConnection(options, limit: limit)
    setProxy(route)
    setTrust(route, options)
    setRequest(exchange, lines: lines, options: options)
    setCallbacks(exchange)
    setReach(exchange)
    guard let code = refusedSetting else { return }
    throw .other(
      url: exchange.request.url.description, code: code,
      reason: .setting(Self.words(for: code)))
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

  /// Says of both, be it nothing: what libcurl is not told it takes from the environment.
  private func setProxy(_ route: Route) {
    set(CURLOPT_PROXY, route.proxy ?? "")
    set(CURLOPT_NOPROXY, "")
  }

  private func setTrust(_ route: Route, _ options: TransportOptions) {
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let directory = route.caDirectory {
      set(CURLOPT_CAPATH, directory)
      set(CURLOPT_PROXY_CAPATH, directory)
    }
    if let file = route.proxyCAFile { set(CURLOPT_PROXY_CAINFO, file) }
    switch route.authorities {
    case .standard: break
    case .file(let path): set(CURLOPT_CAINFO, path)
    case .bytes(let bytes):
      unsafe bytes.withUnsafeBytes { bytes in
        heed(unsafe ccurl_set_blob(pointer, CURLOPT_CAINFO_BLOB, bytes.baseAddress, bytes.count))
      }
    }
    if let certificate = route.certificate {
      set(CURLOPT_SSLCERT, certificate.certificate)
      set(CURLOPT_SSLKEY, certificate.key)
      // OpenSSL would ask for a passphrase at the terminal.
      set(CURLOPT_KEYPASSWD, "")
    }
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
        pointer, CURLOPT_HTTPHEADER, lines.pointer?.assumingMemoryBound(to: curl_slist.self)))
    let size = exchange.body.size
    if request.method == .head {
      set(CURLOPT_NOBODY, 1)
    } else if request.method.carriesBody || size > 0 {
      set(CURLOPT_UPLOAD, 1)
      heed(unsafe ccurl_set_offset(pointer, CURLOPT_INFILESIZE_LARGE, curl_off_t(size)))
    }
    if request.method != .head { set(CURLOPT_CUSTOMREQUEST, request.method.rawValue) }
  }

  private func setCallbacks(_ exchange: Exchange) {
    let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_HEADERDATA, context))
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_WRITEDATA, context))
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_READDATA, context))
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_SEEKDATA, context))
    heed(
      unsafe ccurl_set_data_callback(pointer, CURLOPT_HEADERFUNCTION) { data, size, count, context in
        unsafe lend(data, size, count, to: context) { $0.takeHeadLine($1) }
      })
    heed(
      unsafe ccurl_set_data_callback(pointer, CURLOPT_WRITEFUNCTION) { data, size, count, context in
        unsafe lend(data, size, count, to: context) { $0.takeBody($1) }
      })
    heed(
      unsafe ccurl_set_data_callback(pointer, CURLOPT_READFUNCTION) { data, size, count, context in
        guard let data = unsafe data, let context = unsafe context else { return Int(CURL_READFUNC_ABORT) }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        let filled = unsafe exchange.fill(UnsafeMutableRawBufferPointer(start: data, count: size * count))
        return filled ?? Int(CURL_READFUNC_ABORT)
      })
    heed(
      unsafe ccurl_set_seek_callback(pointer) { context, offset, origin in
        guard let context = unsafe context, offset == 0, origin == 0 else { return CURL_SEEKFUNC_FAIL }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        return exchange.rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
      })
  }

  /// Asks the exchange of each address before it is connected to, and of that of a connection from before.
  private func setReach(_ exchange: Exchange) {
    let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_OPENSOCKETDATA, context))
    heed(
      unsafe ccurl_set_socket_callback(pointer) { context, _, address in
        guard let context = unsafe context, let address = unsafe address else { return -1 }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = unsafe ccurl_address_bytes(address, &bytes)
        guard exchange.mayConnect(to: Array(bytes.prefix(Int(count)))) else { return -1 }
        return unsafe ccurl_open_socket(address)
      })
    heed(unsafe ccurl_set_pointer(pointer, CURLOPT_PREREQDATA, context))
    heed(
      unsafe ccurl_set_prerequest_callback(pointer) { context, address, _, _, _ in
        guard let context = unsafe context, let address = unsafe address else { return CURL_PREREQFUNC_ABORT }
        let exchange = unsafe Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
        return exchange.mayAsk(at: unsafe String(cString: address))
          ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
      })
  }

  private func set(_ option: CURLoption, _ value: Int) {
    heed(unsafe ccurl_set_long(pointer, option, value))
  }

  private func set(_ option: CURLoption, _ value: String) {
    heed(unsafe ccurl_set_string(pointer, option, value))
  }

  /// Sets what makes a transfer quicker or gentler, where this libcurl has it.
  private func hint(_ option: CURLoption, _ value: Int) {
    _ = unsafe ccurl_set_long(pointer, option, value)
  }

  /// The first refusal stays.
  private func heed(_ code: CURLcode) {
    if code != CURLE_OK, refusedSetting == nil { refusedSetting = Int(code.rawValue) }
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    Int(min(max(duration / .milliseconds(1), 1), 1e9))
  }

  /// Whether the connection of the transfer at hand stands, TLS and all.
  var isConnected: Bool { number(CURLINFO_PRETRANSFER_TIME_T) > 0 }

  /// How many bytes of the request's body were sent.
  var uploaded: Int64 { number(CURLINFO_SIZE_UPLOAD_T) }

  /// Has the transfer at hand end as soon as its connection stands, before anything is asked, and tell `talk` what is
  /// said on it.
  func connectOnly(telling talk: HandshakeTalk) {
    set(CURLOPT_CONNECT_ONLY, 1)
    set(CURLOPT_VERBOSE, 1)
    heed(
      unsafe ccurl_set_pointer(
        pointer, CURLOPT_DEBUGDATA, Unmanaged.passUnretained(talk).toOpaque()))
    heed(
      unsafe ccurl_set_debug_callback(pointer) { _, type, data, size, context in
        guard type == CURLINFO_TEXT, let data = unsafe data, let context = unsafe context else { return 0 }
        let talk = unsafe Unmanaged<HandshakeTalk>.fromOpaque(context).takeUnretainedValue()
        unsafe talk.take(
          String(decoding: UnsafeRawBufferPointer(start: data, count: size), as: UTF8.self))
        return 0
      })
  }

  /// Waits for what the server says on a connection on which nothing was asked, until it has said something, `patience`
  /// is over or the task is cancelled.
  func listen(_ patience: Duration) {
    var socket: curl_socket_t = -1
    guard unsafe ccurl_get_socket(pointer, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK else { return }
    let end = ContinuousClock.now.advanced(by: patience)
    var byte: UInt8 = 0
    var count = 0
    while !Task.isCancelled, ContinuousClock.now < end {
      guard unsafe curl_easy_recv(pointer, &byte, 1, &count) == CURLE_AGAIN else { return }
      var wanted = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      _ = unsafe poll(&wanted, 1, 50)
    }
  }

  /// How the transfer ended whose CURLcode is `code`.
  func outcome(_ code: Int) -> TransferOutcome {
    let expected = number(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
    var systemError = 0
    _ = unsafe ccurl_get_long(pointer, CURLINFO_OS_ERRNO, &systemError)
    var connections = 1
    _ = unsafe ccurl_get_long(pointer, CURLINFO_NUM_CONNECTS, &connections)
    var reason = unsafe String(cString: message)
    // libcurl quotes a proxy's whole address here, password and all.
    if reason.hasPrefix("Unsupported proxy") {
      reason = String(reason.prefix { $0 != "'" }) + "the proxy's address"
    }
    // Where a message is longer than libcurl has room for, it is cut without a word.
    if reason.utf8.count >= Int(CURL_ERROR_SIZE) - 4 { reason += "…" }
    return TransferOutcome(
      code: code, reason: reason.isEmpty ? Self.words(for: code) : reason,
      systemError: Int32(truncatingIfNeeded: systemError), expected: expected < 0 ? nil : expected,
      isReused: connections == 0)
  }

  private func number(_ info: CURLINFO) -> Int64 {
    var value: curl_off_t = 0
    return unsafe ccurl_get_offset(pointer, info, &value) == CURLE_OK ? Int64(value) : 0
  }

  /// What libcurl says of a CURLcode.
  private static func words(for code: Int) -> String {
    unsafe String(cString: curl_easy_strerror(CURLcode(UInt32(truncatingIfNeeded: code))))
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

/// The header lines of a request in libcurl's form, which it reads until the transfer has ended.
@safe final class HeaderLines {
  private var list: UnsafeMutablePointer<curl_slist>?

  /// What libcurl must be given: a `curl_slist`.
  var pointer: UnsafeMutableRawPointer? { unsafe UnsafeMutableRawPointer(list) }

  /// Throws ``TransportError/invalidHeader(name:)`` for a field that is not of one line.
  init(_ request: HTTPRequest) throws(TransportError) {
    for field in request.headers.fields {
      guard Self.isSound(field) else { throw .invalidHeader(name: field.name) }
      // libcurl's own spelling of a field without a value ends in a semicolon.
      try append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
    }
    if request.headers["Expect"] == nil { try append("Expect:") }
    if request.headers["Accept-Encoding"] == nil { try append("Accept-Encoding: identity") }
  }

  deinit { unsafe curl_slist_free_all(list) }

  private func append(_ line: String) throws(TransportError) {
    guard let longer = unsafe curl_slist_append(list, line) else {
      throw .other(url: "", code: Int(CURLE_OUT_OF_MEMORY.rawValue), reason: .memory)
    }
    unsafe list = longer
  }

  /// A name of token characters and a value of one line (RFC 9110, 5.5 and 5.6.2).
  private static func isSound(_ field: HTTPHeaders.Field) -> Bool {
    !field.name.isEmpty
      && field.name.utf8.allSatisfy { $0 > 32 && $0 < 127 && !separators.contains($0) }
      && field.value.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
  }

  private static let separators = Set("\"(),/:;<=>?@[\\]{}".utf8)
}
