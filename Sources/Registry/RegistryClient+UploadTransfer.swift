import Digests
import Images
import Transport

extension RegistryClient {
  /// How long a chunk may still take to end after its task was cancelled: what is acknowledged need not be
  /// sent again.
  private static let grace = Duration.milliseconds(1500)

  /// Sends what the registry lacks of a blob and closes its upload. Throws what is final, after cancelling
  /// the upload unless the task was cancelled.
  func send(
    _ held: inout HeldBackSource<some BlobSource>, through upload: inout BlobUpload, _ way: UploadHabits.Way,
    _ log: any UploadLog
  ) throws -> BlobUpload.Outcome {
    do {
      try held.seek(to: upload.offset)
      switch way {
      case .whole:
        return try judge(
          deliver(&held, by: .put, to: upload.closing, upload, until: upload.descriptor.size), upload, way)
      case .chunks:
        try note(upload, in: log)
        while upload.offset < upload.descriptor.size {
          if let outcome = try sendChunk(&held, through: &upload, log) { return outcome }
        }
        return try judge(close(upload), upload, way)
      }
    } catch let error as TransportError {
      guard http.isWorthRetrying(error, to: upload.location) else { throw RegistryError.transport(error) }
      return .failed(.transport(error), retryAfter: nil)
    } catch let error as RegistryError where error.isOfTheLine {
      throw error
    } catch {
      cancel(upload.location, for: upload.errand)
      log.closed(upload.descriptor.digest, in: upload.repository)
      switch error {
      case let error as DigestError: throw wrongContent(error, upload.descriptor.digest, upload.repository)
      case let error as CallerError: throw error.error
      default: throw error
      }
    }
  }

  /// Sends the next chunk; nil when the registry has acknowledged bytes, not necessarily all, or wants fewer
  /// at a time.
  private func sendChunk(
    _ held: inout HeldBackSource<some BlobSource>, through upload: inout BlobUpload, _ log: any UploadLog
  ) throws -> BlobUpload.Outcome? {
    let size = upload.descriptor.size
    var chunk = uploadHabits.chunk
    var end = chunk.end(from: upload.offset, of: size, least: upload.leastChunk)
    // What can be had again after a cut, unless the registry insists on more.
    let most = max(held.reach ?? .max, upload.leastChunk)
    if end - upload.offset > most { end = upload.offset + most }
    let isFull = end - upload.offset >= chunk.bytes
    held.setMark()
    let start = ContinuousClock.now
    let response = try deliver(&held, by: .patch, to: upload.location, upload, until: end)
    guard response.isSuccess else {
      // What it has of the upload is asked before anything is sent again.
      if response.status == 416, upload.offset > 0 {
        return .failed(failure(response, for: upload.errand), retryAfter: nil)
      }
      // No smaller ones than the registry itself asks for.
      if response.status == 413, end - upload.offset > upload.leastChunk,
        chunk.shrink(below: end - upload.offset)
      {
        uploadHabits.learn(chunk)
        try held.seek(to: upload.offset)
        return nil
      }
      return try judge(response, upload, .chunks)
    }
    upload.location = try location(response, else: upload.location)
    let range = response.headers["Range"].flatMap { UploadRange($0) }
    if let next = range?.next, next > upload.offset, next <= held.position {
      upload.offset = next
    } else if held.position == end {
      // It took all and says nothing that could be true: the digest will tell.
      upload.offset = end
    } else {
      return .failed(malformed(upload.location, "Range"), retryAfter: nil)
    }
    if isFull, upload.offset == end {
      chunk.learn(from: start.duration(to: .now))
      uploadHabits.learn(chunk)
    }
    try note(upload, in: log)
    try held.seek(to: upload.offset)
    return nil
  }

  /// Streams the bytes from the upload's offset to `end` in one request, past the registry's challenges.
  private func deliver(
    _ held: inout HeldBackSource<some BlobSource>, by method: HTTPMethod, to url: HTTPURL,
    _ upload: BlobUpload, until end: Int64
  ) throws -> HTTPResponse {
    var request = HTTPRequest(method, url)
    request.headers.set("Content-Type", "application/octet-stream")
    if method == .patch {
      request.headers.set("Content-Range", "\(upload.offset)-\(end - 1)")
      request.grace = Self.grace
    }
    var authentication = try authentication(for: upload.errand)
    while true {
      let authorized = try authentication.authorize(request)
      let response = try unsafe http.transmit(authorized, size: end - upload.offset) {
        unsafe try held.fill($0)
      }
      guard try authentication.answer(response) else { return try checked(response, authentication, upload) }
      try held.seek(to: upload.offset)
    }
  }

  /// The PUT that ends an upload whose bytes are there.
  private func close(_ upload: BlobUpload) throws -> HTTPResponse {
    var authentication = try authentication(for: upload.errand)
    while true {
      let response = try http.send(authentication.authorize(HTTPRequest(.put, upload.closing)))
      guard try authentication.answer(response) else { return try checked(response, authentication, upload) }
    }
  }

  private func checked(
    _ response: HTTPResponse, _ authentication: RequestAuthentication, _ upload: BlobUpload
  ) throws(RegistryError) -> HTTPResponse {
    guard response.status != 401 else {
      throw failure(response, for: upload.errand, after: authentication)
    }
    return response
  }

  /// Whether an answer leaves no doubt that the repository has the blob: 201 from the registry's own origin, to a
  /// request that brought all of it, at an address for this repository's uploads that the registry gave in this run.
  private func isCertain(
    _ response: HTTPResponse, _ upload: BlobUpload, _ way: UploadHabits.Way
  ) throws(RegistryError) -> Bool {
    let root = try root
    return response.status == 201 && way == .whole && upload.offset == 0 && !upload.isContinued
      && response.url.hasSameOrigin(as: root)
      && isUpload(path: response.url.path, to: upload.repository, below: root)
  }

  /// What an answer means that ends an upload, or an attempt at it.
  private func judge(
    _ response: HTTPResponse, _ upload: BlobUpload, _ way: UploadHabits.Way
  ) throws(RegistryError) -> BlobUpload.Outcome {
    let digest = upload.descriptor.digest
    switch response.status {
    case 200, 201, 204:
      if let stored = response.headers["Docker-Content-Digest"].flatMap({ try? Digest($0) }), stored != digest
      {
        throw .destinationDigestDiffers(
          repository: upload.repository, identifier: digest.description, expected: digest, actual: stored)
      }
      return .stored(isCertain: try isCertain(response, upload, way))
    case _ where response.isRetryable:
      return .failed(failure(response, for: upload.errand), retryAfter: response.retryAfter)
    default: break
    }
    let codes = Set(RegistryMessage.list(in: response.body).map(\.code))
    let isForgotten = !codes.isDisjoint(with: BlobUpload.forgottenCodes)
    let error = failure(response, for: upload.errand)
    if way == .chunks {
      let isWrong = !codes.isDisjoint(with: BlobUpload.wrongCodes)
      if isWrong || isForgotten { return .lost(error, isWrong: isWrong) }
    }
    guard BlobUpload.refusals.contains(response.status), codes.isDisjoint(with: BlobUpload.finalCodes) else {
      throw error
    }
    return .refused(error, isForgotten: isForgotten)
  }
}

extension RegistryError {
  /// Whether it says nothing against an upload: the line, or the registry, failed for now.
  fileprivate var isOfTheLine: Bool {
    switch self {
    case .transport, .overwhelmed: true
    default: false
    }
  }
}
