/// One request on the wire and its answer: the state behind a transfer's callbacks. They run on the thread
/// that performs it.
final class Exchange {
  /// Why a transfer was ended from our side.
  enum Interruption {
    /// The caller's code threw.
    case thrown(any Error)
    case failed(TransportError)
    /// As much of the body as is wanted is there.
    case enough
  }

  private enum Destination {
    case undecided
    case kept(limit: Int, isExcerpt: Bool)
    case lent(Reception.Sink)
  }

  let request: HTTPRequest
  let body: OutgoingBody
  private let reception: Reception
  private let limit: RateLimit?
  private let reach: Reach
  private var destination = Destination.undecided

  private(set) var head = ResponseHead()
  private(set) var collected: [UInt8] = []
  /// Bytes of the answer's body that arrived.
  private(set) var received: Int64 = 0
  /// Bytes of the request's body that were asked from its source.
  private(set) var taken: Int64 = 0
  private(set) var interruption: Interruption?
  /// Why an address of the host was not connected to.
  private(set) var refusedAddress: TransportError?
  /// What kind of place the request went to; nil where it is not known.
  private(set) var place: AddressClass?
  var watch: StallWatch
  /// When the grace after a cancellation is over.
  private var graceEnd: StallWatch.Instant?

  init(
    _ request: HTTPRequest, body: OutgoingBody, reception: Reception, options: TransportOptions,
    limit: RateLimit?, reach: Reach
  ) {
    self.request = request
    self.reach = reach
    self.body = body
    self.reception = reception
    self.limit = limit
    watch = StallWatch(
      stallTimeout: options.stallTimeout, answerTimeout: request.answerTimeout ?? options.answerTimeout,
      window: options.rateWindow, isUpload: [.put, .patch].contains(request.method), now: .now)
  }

  /// Where the answer sends us, when it does and the request may go there with what it carries: a source that was
  /// begun cannot be begun again here.
  var redirect: String? {
    if case .source = body { return nil }
    guard let location = response.redirect, request.follows(head.status, to: location) else { return nil }
    return location
  }

  /// Whether the body is not wanted to its end: a text that explains a failure.
  var isExcerpt: Bool {
    if case .kept(_, true) = destination { true } else { false }
  }

  var response: HTTPResponse {
    HTTPResponse(status: head.status, headers: head.headers, body: collected, url: request.url)
  }

  /// Ends the transfer; the first reason counts.
  func interrupt(_ reason: Interruption) {
    if interruption == nil { interruption = reason }
  }

  /// Its task was cancelled: ends the transfer, at once or when its grace is over.
  func cancel(at now: StallWatch.Instant) {
    let end = graceEnd ?? now.advanced(by: request.grace)
    graceEnd = end
    if now >= end { interrupt(.failed(.cancelled)) }
  }

  /// Whether an address of the host may be connected to; where not, it is as if it could not be reached, and the next of
  /// the host's is tried.
  func mayConnect(to address: [UInt8]) -> Bool {
    guard let error = reach.refusal(of: address) else { return true }
    refusedAddress = error
    return false
  }

  /// Whether the request may be sent over a connection to an address.
  func mayAsk(at text: String) -> Bool {
    guard let address = AddressClass.addressBytes(String(text.prefix { $0 != "%" })) else { return true }
    if let error = reach.refusal(of: address) {
      interrupt(.failed(error))
      return false
    }
    place = reach.place(at: address)
    return true
  }

  /// Waits until `bytes` may pass under the limit. False when the task was cancelled meanwhile, and then the
  /// transfer ends.
  private func admit(_ bytes: Int) -> Bool {
    guard let limit, !limit.admit(bytes, evenCancelled: request.grace > .zero) else { return true }
    interrupt(.failed(.cancelled))
    return false
  }

  /// Takes a line of the head. False ends the transfer, here and below.
  func takeHeadLine(_ line: RawSpan) -> Bool {
    let wasComplete = head.isComplete
    guard head.take(line) else {
      interrupt(.failed(.tooLarge(url: request.url.description, limit: ResponseHead.limit, .head)))
      return false
    }
    guard head.interimAnswers <= ResponseHead.mostInterimAnswers else {
      interrupt(.failed(.reset(url: request.url.description, reason: .interimAnswers)))
      return false
    }
    guard head.isComplete else {
      if !head.isInterim { watch.headLine(at: .now) }
      return true
    }
    watch.answered(at: .now)
    // Whoever is in between may take the other, and what is behind the shorter for the next answer.
    guard Set(head.headers.values(of: "Content-Length")).count <= 1 else {
      interrupt(.failed(.reset(url: request.url.description, reason: .twoLengths)))
      return false
    }
    return wasComplete || decideDestination()
  }

  /// The head is complete: says where the body goes.
  private func decideDestination() -> Bool {
    let excerpt = Destination.kept(limit: Reception.excerptLimit, isExcerpt: true)
    guard redirect == nil else {
      destination = excerpt
      return true
    }
    switch reception {
    case .collect(let limit):
      destination = .kept(limit: limit, isExcerpt: false)
      if request.method != .head, let length = head.headers["Content-Length"].flatMap({ Int64($0) }),
        length > limit
      {
        interrupt(.failed(tooLarge(limit)))
        return false
      }
    case .excerpt(let limit):
      destination = .kept(limit: limit, isExcerpt: true)
    case .lend(let accepts, let sink):
      do { destination = try accepts(response) ? .lent(sink) : excerpt } catch {
        interrupt(.thrown(error))
        return false
      }
    }
    return true
  }

  private func tooLarge(_ limit: Int) -> TransportError {
    .tooLarge(url: request.url.description, limit: limit, head.status < 400 ? .body : .errorBody)
  }

  /// Takes a piece of the body.
  func takeBody(_ bytes: RawSpan) -> Bool {
    let start = StallWatch.Instant.now
    watch.moved(Int64(bytes.byteCount), at: start)
    defer { watch.worked(since: start, until: .now) }
    guard admit(bytes.byteCount) else { return false }
    received += Int64(bytes.byteCount)
    switch destination {
    case .undecided:
      interrupt(.failed(.reset(url: request.url.description, reason: .bodyWithoutHead)))
      return false
    case .lent(let sink):
      do { try sink(bytes) } catch {
        interrupt(.thrown(error))
        return false
      }
    case .kept(let limit, let isExcerpt):
      let room = limit - collected.count
      let piece = bytes.extracting(first: min(room, bytes.byteCount))
      unsafe piece.withUnsafeBytes { unsafe collected.append(contentsOf: $0) }
      guard bytes.byteCount <= room else {
        interrupt(isExcerpt ? .enough : .failed(tooLarge(limit)))
        return false
      }
    }
    return true
  }

  /// Fills `buffer` with the next bytes of the request's body: how many, 0 after the last, nil to end the
  /// transfer.
  func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
    let start = StallWatch.Instant.now
    defer { watch.worked(since: start, until: .now) }
    let left = body.size - taken
    guard left > 0 else { return 0 }
    let room = min(buffer.count, Int(clamping: left), limit?.piece ?? .max)
    let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<room])
    let count: Int
    switch body {
    case .none: return 0
    case .bytes(let bytes):
      unsafe piece.copyBytes(from: bytes[Int(taken)..<Int(taken) + room])
      count = room
    case .source(_, let fill):
      do { count = unsafe try fill(piece) } catch {
        interrupt(.thrown(error))
        return nil
      }
    }
    guard count > 0, count <= room else {
      interrupt(
        .failed(.sourceEnded(url: request.url.description, sent: taken, expected: body.size)))
      return nil
    }
    taken += Int64(count)
    return admit(count) ? count : nil
  }

  /// Begins the request's body again, as a connection that was closed while idle makes necessary. False
  /// where the source has moved on.
  func rewind() -> Bool {
    guard taken > 0 else { return true }
    guard case .bytes = body else { return false }
    taken = 0
    return true
  }

  /// Whether the answer is complete as far as it was wanted.
  var isAnswered: Bool {
    switch interruption {
    case nil, .enough: true
    case .thrown, .failed: false
    }
  }

  /// The answer, or what the caller's code threw.
  func get() throws -> HTTPResponse {
    if case .thrown(let error) = interruption { throw error }
    return response
  }
}

/// What a request carries.
@safe enum OutgoingBody {
  case none
  case bytes([UInt8])
  case source(size: Int64, fill: (UnsafeMutableRawBufferPointer) throws -> Int)

  /// Whether it can be sent from its beginning once more.
  var canBeRepeated: Bool { if case .source = self { false } else { true } }

  /// In bytes.
  var size: Int64 {
    switch self {
    case .none: 0
    case .bytes(let bytes): Int64(bytes.count)
    case .source(let size, _): size
    }
  }
}

/// What becomes of an answer's body.
enum Reception {
  typealias Accept = (HTTPResponse) throws -> Bool
  typealias Sink = (RawSpan) throws -> Void

  /// Kept; more than `limit` bytes are an error.
  case collect(limit: Int)
  /// Kept up to `limit` bytes, the rest not waited for: texts that explain a failure.
  case excerpt(limit: Int)
  /// Lent to `sink` when `accepts` says so of its head, else kept as an excerpt.
  case lend(accepts: Accept, sink: Sink)

  /// How much of an error's text is kept, in bytes.
  static let excerptLimit = 64 << 10
}
