import Digests
import Images
import Transport

/// The small requests of the upload of one blob to one repository: opening and mounting, asking how far it has come, and
/// giving it up; and what an answer to any of its requests says.
struct UploadRequests {
  let descriptor: Descriptor
  let repository: String
  private let connection: RegistryConnection
  private let lookup: BlobLookup
  private let locations: UploadLocations

  init(_ descriptor: Descriptor, to repository: String, _ connection: RegistryConnection) {
    self.descriptor = descriptor
    self.repository = repository
    self.connection = connection
    lookup = BlobLookup(connection)
    locations = UploadLocations(
      for: .pushing(.blob(descriptor.digest), to: repository), repository, connection)
  }

  /// What all of them are for.
  var purpose: Purpose { .pushing(.blob(descriptor.digest), to: repository) }

  /// Opens an upload, or mounts the blob: nil when that was all. A registry that will not mount is asked
  /// for an upload.
  func open(mountingFrom source: String? = nil) throws(RegistryError) -> UploadSession? {
    let url = try connection.url(repository, "blobs/uploads", isDirectory: true)
    if let source {
      let purpose = Purpose.pushing(.blob(descriptor.digest), to: repository, mountingFrom: source)
      let query = [(name: "mount", value: descriptor.digest.description), (name: "from", value: source)]
      do {
        let response = try connection.exchange(
          HTTPRequest(.post, url.appendingQuery(query)), for: purpose)
        // Some say so of a blob that they do not have there, or not any more.
        if response.status == 201, try lookup.confirm(descriptor, in: repository, byBytes: true) == .held {
          return nil
        }
        if response.status == 202 { return try opened(by: response) }
      } catch .unauthorized, .denied {
        // The other repository may be closed to this credential where this one is open.
      }
    }
    let response = try connection.exchange(HTTPRequest(.post, url), for: purpose)
    guard response.status == 202 else { throw connection.failure(response, for: purpose) }
    return try opened(by: response)
  }

  private func opened(by response: HTTPResponse) throws(RegistryError) -> UploadSession {
    let least = response.headers["OCI-Chunk-Min-Length"].flatMap { Int64($0) } ?? 0
    return UploadSession(location: try locations.given(by: response), leastChunk: least)
  }

  /// What `log` holds of an earlier run's upload, as far as the registry still has it and it may be gone to;
  /// what it no longer has is forgotten.
  func earlier(in log: any UploadLog) throws(RegistryError) -> UploadSession? {
    guard let earlier = log.earlier(descriptor.digest, in: repository) else { return nil }
    guard try isUpload(earlier.location),
      let session = try status(of: UploadSession(location: earlier.location))
    else {
      log.closed(descriptor.digest, in: repository)
      return nil
    }
    if session.offset > 0 { log.continues(session.open, of: descriptor.digest, in: repository) }
    return session
  }

  /// Asks how far an upload has come. nil when the registry no longer has it, or does not say.
  func status(of session: UploadSession) throws(RegistryError) -> UploadSession? {
    let response = try connection.exchange(HTTPRequest(.get, session.location), for: purpose)
    guard response.isSuccess else {
      guard !response.isRetryable else { throw connection.failure(response, for: purpose) }
      return nil
    }
    guard let range = response.headers["Range"].flatMap({ UploadRange($0) }), range.next <= descriptor.size
    else { return nil }
    var session = session
    session.location = try locations.givenNext(by: response).get() ?? session.location
    session.offset = range.next
    session.isResumed = true
    return session
  }

  /// Gives an upload up, so that the registry need not keep what it has of it. Its failure changes nothing.
  func cancel(_ session: UploadSession) {
    guard var authentication = try? connection.authentication(for: purpose),
      let request = try? authentication.authorize(HTTPRequest(.delete, session.location))
    else { return }
    _ = try? connection.http.send(request)
  }

  /// What an answer says; any success will do where it is of a chunk. Throws what a 401 means that was met by all that
  /// there is.
  func read(
    _ response: HTTPResponse, ofChunk isOfChunk: Bool, _ authentication: RequestAuthentication
  ) throws(RegistryError) -> UploadAnswer {
    guard response.status != 401 else {
      throw connection.failure(response, for: purpose, after: authentication)
    }
    let root = try connection.root
    let isSuccess = isOfChunk ? response.isSuccess : [200, 201, 204].contains(response.status)
    return UploadAnswer(
      status: response.status, refusal: isSuccess ? nil : connection.failure(response, for: purpose),
      isRetryable: response.isRetryable, retryAfter: response.retryAfter,
      codes: Set(RegistryMessage.list(in: response.body).map(\.code)),
      location: locations.givenNext(by: response),
      next: response.headers["Range"].flatMap { UploadRange($0) }?.next,
      stored: response.headers["Docker-Content-Digest"].flatMap { try? Digest($0) },
      isOwnWord: response.status == 201 && connection.isOwn(response.url)
        && isUpload(path: response.url.path, below: root))
  }

  /// `request`, which carries bytes of the upload, as a redirect wants it; nil for any other answer. Throws
  /// ``RegistryError/uploadElsewhere(host:repository:target:)``.
  func redirected(_ request: HTTPRequest, by response: HTTPResponse) throws(RegistryError) -> HTTPRequest? {
    try locations.redirected(request, by: response)
  }

  /// Whether an upload lies with the registry itself.
  func isOwn(_ session: UploadSession) -> Bool { connection.isOwn(session.location) }

  /// Whether an address that a log names may be gone to. The log is a file that anybody may have written: it leads to
  /// the registry's own origin alone, and there to nothing that is known to be something else.
  private func isUpload(_ location: HTTPURL) throws(RegistryError) -> Bool {
    let root = try connection.root
    guard location.hasSameOrigin(as: root), !location.hasUserInfo else { return false }
    return !location.path.hasPrefix(root.path) || isUpload(path: location.path, below: root)
  }

  /// Whether a path is that of an upload to the repository whoever reads it: where anything is escaped, it may mean
  /// another repository's to what decodes it on the way.
  private func isUpload(path: String, below root: HTTPURL) -> Bool {
    let start = "\(root.path)\(repository)/blobs/"
    return path.hasPrefix(start + "upload") && RegistryConnection.isPath(path.dropFirst(start.utf8.count))
  }
}
