private import CCurl

/// libcurl's state of the process.
enum CurlLibrary {
  /// Whether libcurl could be initialised; done once, at the first question.
  static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK
}
