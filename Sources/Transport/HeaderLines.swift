private import CCurl

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
      throw .other(url: "", code: Int(CURLE_OUT_OF_MEMORY.rawValue), reason: "out of memory")
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
