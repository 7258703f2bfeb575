import Digests
import Images
import Transport

/// One blob's download as far as the server is concerned: what to ask it for, what an answer means for the rest, and how
/// far to trust it. How far the blob itself has come its receiver knows.
struct BlobDownload: ~Copyable {
  let descriptor: Descriptor
  private var distrustsRanges = false
  private var hasStartedOver = false
  /// What the server calls the content that the bytes so far are from.
  private var entityTag: String?
  private var distrustsEntityTags = false
  /// What the last content came encoded with, though it was asked for as it is.
  private(set) var encoding: String?
  /// Whether any of the content has come, and ``encoding`` says how.
  private var hasContent = false
  /// The encoding that a part came in though what came before had none: then it is a part of something else.
  private(set) var strangeEncoding: String?
  /// The farthest byte that counted as progress.
  private var progress: BlobProgress

  /// Begins, or resumes, at `position`.
  init(_ descriptor: Descriptor, from position: Int64) {
    self.descriptor = descriptor
    progress = BlobProgress(of: descriptor.size, from: position)
  }

  /// Asks for what is missing from `position` on; for all of it where the server's ranges are not to be trusted.
  func request(_ url: HTTPURL, from position: Int64) -> HTTPRequest {
    var request = HTTPRequest(.get, url)
    if encoding != nil { request.headers.set("Cache-Control", "no-transform") }
    if position > 0, !distrustsRanges {
      request.headers.set("Range", "bytes=\(position)-")
      if let entityTag { request.headers.set("If-Range", entityTag) }
    }
    return request
  }

  /// What an answer's head promises.
  enum Promise: Equatable {
    /// All bytes from the first.
    case full
    /// The bytes that are missing, or the first of them.
    case range
    /// Bytes from elsewhere, or none where there should be some.
    case wrongRange
    /// Bytes of another representation of the blob, encoded so.
    case wrongEncoding(String)
    /// A blob of another size.
    case wrongSize(DigestError)
    /// No content at all: an error.
    case none
  }

  func promise(of response: HTTPResponse, at position: Int64) -> Promise {
    switch response.status {
    case 200:
      guard let length = response.headers["Content-Length"].flatMap({ Int64($0) }), length != descriptor.size
      else { return .full }
      return .wrongSize(
        length > descriptor.size
          ? .long(expected: descriptor.size) : .short(expected: descriptor.size, received: length))
    case 206:
      guard !distrustsRanges, let range = response.headers["Content-Range"].flatMap({ ContentRange($0) }),
        range.first == position, range.last < descriptor.size
      else { return .wrongRange }
      if let total = range.total, total != descriptor.size { return .wrongRange }
      guard hasContent, let strange = response.encoding, strange != encoding else { return .range }
      return .wrongEncoding(strange)
    case 416: return .wrongRange
    default: return .none
    }
  }

  /// Remembers whether somebody on the way may have changed the content's bytes.
  mutating func noteEncoding(of response: HTTPResponse) {
    guard [200, 206].contains(response.status) else { return }
    encoding = response.encoding
    hasContent = true
  }

  /// Remembers what the server calls the content that continues at `position`. One that gives it another name each time
  /// would send all each time: by its digest it is the same.
  mutating func noteEntityTag(of response: HTTPResponse, at position: Int64) {
    if response.status == 200, position > 0, entityTag != nil { distrustsEntityTags = true }
    // A weak tag does not vouch for bytes (RFC 9110, 13.1.5).
    let tag = response.headers["ETag"].flatMap { $0.hasPrefix("\"") ? $0 : nil }
    entityTag = distrustsEntityTags ? nil : tag
  }

  /// Whether the blob has come far enough, at `position`, beyond where this last was so.
  mutating func hasProgressed(to position: Int64) -> Bool { progress.reaches(position) }

  /// The server gave another part than it was asked for, or one in an `encoding` that was not: it is asked for all from now on.
  mutating func distrustRanges(for encoding: String? = nil) {
    distrustsRanges = true
    strangeEncoding = encoding
  }

  /// The bytes are wrong and are fetched once more from zero; false when that was done before.
  mutating func mayStartOver() -> Bool {
    guard !hasStartedOver else { return false }
    hasStartedOver = true
    progress = BlobProgress(of: descriptor.size, from: 0)
    return true
  }
}

/// How far a blob has come over all the requests for it, in either direction. Only what lies beyond the farthest byte is progress,
/// or a server that cuts every answer at the same place and knows no ranges would be asked for ever; and only as much as a
/// connection brings at once, however many requests it took, or one that gives a byte with each would be, too.
struct BlobProgress: Sendable {
  /// As much as libcurl hands over at a time, in bytes.
  private static let usual: Int64 = 16 << 10

  private let least: Int64
  private(set) var farthest: Int64

  /// For a blob of `size` bytes of which `position` are there.
  init(of size: Int64, from position: Int64) {
    least = max(1, min(Self.usual, size / 256))
    farthest = position
  }

  /// Whether `position` is far enough behind the last for which that was so.
  mutating func reaches(_ position: Int64) -> Bool {
    guard position - farthest >= least else { return false }
    farthest = position
    return true
  }
}

/// The part of a whole that a 206 answer carries: `Content-Range: bytes 0-99/1000` (RFC 9110 §14.4).
struct ContentRange: Hashable, Sendable {
  let first: Int64
  /// Inclusive.
  let last: Int64
  /// nil where the server does not say.
  let total: Int64?

  /// nil for other units and ranges that are none.
  init?(_ text: String) {
    let parts = text.split(separator: " ", omittingEmptySubsequences: true)
    guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
    let sides = parts[1].split(separator: "/", omittingEmptySubsequences: false)
    guard sides.count == 2 else { return nil }
    let ends = sides[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last
    else { return nil }
    if sides[1] == "*" {
      total = nil
    } else {
      guard let size = Self.number(sides[1]), last < size else { return nil }
      total = size
    }
    self.first = first
    self.last = last
  }

  /// Digits alone: `Int64.init` would take a sign.
  private static func number(_ text: Substring) -> Int64? {
    text.utf8.allSatisfy { (48...57).contains($0) } ? Int64(text) : nil
  }
}
