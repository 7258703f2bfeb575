import Digests
import Images
import Transport

/// The state of one blob's download: what is proved so far, and what an answer means for the rest.
struct BlobPull: ~Copyable {
  let descriptor: Descriptor
  private(set) var verifier: BlobVerifier
  private var distrustsRanges = false
  private var hasStartedAgain = false
  /// What the server calls the content that the bytes so far are from.
  private var entityTag: String?
  private var distrustsEntityTags = false
  /// The farthest byte ever reached: only what lies beyond it is progress, or a server that cuts every
  /// answer at the same place and knows no ranges would be asked for ever.
  private var farthest: Int64 = 0

  init(_ descriptor: Descriptor) {
    self.descriptor = descriptor
    verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
  }

  /// Goes on after the bytes that `verifier` has seen: takes them over, or gives them back.
  mutating func exchange(_ verifier: inout BlobVerifier) {
    swap(&self.verifier, &verifier)
    farthest = received
  }

  var received: Int64 { verifier.received }

  /// Asks for what is missing.
  func request(_ url: HTTPURL) -> HTTPRequest {
    var request = HTTPRequest(.get, url)
    if received > 0 {
      request.headers.set("Range", "bytes=\(received)-")
      if let entityTag { request.headers.set("If-Range", entityTag) }
    }
    return request
  }

  /// What an answer's head promises.
  enum Promise: Equatable {
    /// All bytes from the first.
    case whole
    /// The bytes that are missing, or the first of them.
    case rest
    /// Bytes from elsewhere, or none where there should be some.
    case wrongPart
    /// A blob of another size.
    case wrongSize(DigestError)
    /// No content at all: an error.
    case none
  }

  func promise(of response: HTTPResponse) -> Promise {
    switch response.status {
    case 200:
      guard let length = response.headers["Content-Length"].flatMap({ Int64($0) }), length != descriptor.size
      else { return .whole }
      return .wrongSize(
        length > descriptor.size
          ? .long(expected: descriptor.size) : .short(expected: descriptor.size, received: length))
    case 206:
      guard !distrustsRanges, let range = response.headers["Content-Range"].flatMap({ ContentRange($0) }),
        range.first == received, range.last < descriptor.size
      else { return .wrongPart }
      guard let total = range.total, total != descriptor.size else { return .rest }
      return .wrongPart
    case 416: return .wrongPart
    default: return .none
    }
  }

  /// Remembers what the server calls its content. One that gives it another name each time would send all
  /// each time: by its digest it is the same.
  mutating func noteEntityTag(of response: HTTPResponse) {
    if response.status == 200, received > 0, entityTag != nil { distrustsEntityTags = true }
    // A weak tag does not vouch for bytes (RFC 9110, 13.1.5).
    let tag = response.headers["ETag"].flatMap { $0.hasPrefix("\"") ? $0 : nil }
    entityTag = distrustsEntityTags ? nil : tag
  }

  mutating func take(_ bytes: RawSpan) throws(DigestError) {
    try verifier.update(bytes)
  }

  /// Whether bytes beyond the farthest so far have come since this was last asked.
  mutating func hasProgressed() -> Bool {
    defer { farthest = max(farthest, received) }
    return received > farthest
  }

  /// Whether all bytes are there; what is proved then.
  func check() throws(DigestError) -> Proof { try verifier.check() }

  var isComplete: Bool { received == descriptor.size }

  /// Begins from zero because the server sends all again.
  mutating func restart() { verifier.restart() }

  /// Begins from zero because the server cannot be trusted to continue.
  mutating func restartWithoutRanges() {
    distrustsRanges = true
    verifier.restart()
  }

  /// Begins from zero because the bytes are wrong; false when that was done before.
  mutating func startAgain() -> Bool {
    guard !hasStartedAgain else { return false }
    hasStartedAgain = true
    farthest = 0
    verifier.restart()
    return true
  }
}
