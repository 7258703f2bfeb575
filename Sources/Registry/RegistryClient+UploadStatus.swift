import Digests
import Images
import Transport

extension RegistryClient {
  /// What `log` holds of an earlier run's upload, as far as the registry still has it and it may be gone to;
  /// what it no longer has is forgotten.
  func earlierUpload(
    of descriptor: Descriptor, in repository: String, _ log: any UploadLog
  ) throws(RegistryError) -> BlobUpload? {
    guard let earlier = log.earlier(descriptor.digest, in: repository) else { return nil }
    let location = earlier.location
    var upload = BlobUpload(descriptor: descriptor, repository: repository, location: location)
    guard try isUpload(location, to: repository), try refresh(&upload) else {
      log.closed(descriptor.digest, in: repository)
      return nil
    }
    if upload.offset > 0 { log.continues(upload.open, of: descriptor.digest, in: repository) }
    return upload
  }

  /// Whether an address that a log names may be gone to. The log is a file that anybody may have written: it leads to
  /// the registry's own origin alone, and there to nothing that is known to be something else.
  private func isUpload(_ location: HTTPURL, to repository: String) throws(RegistryError) -> Bool {
    let root = try root
    guard location.hasSameOrigin(as: root), !location.hasUserInfo else { return false }
    return !location.path.hasPrefix(root.path) || isUpload(path: location.path, to: repository, below: root)
  }

  /// Whether a path is that of an upload to `repository` whoever reads it: where anything is escaped, it may mean
  /// another repository's to what decodes it on the way.
  func isUpload(path: String, to repository: String, below root: HTTPURL) -> Bool {
    let start = "\(root.path)\(repository)/blobs/"
    return path.hasPrefix(start + "upload") && Self.isPath(path.dropFirst(start.utf8.count))
  }

  /// Keeps in `log` how far an upload has come, where a next run may go on with it.
  func note(_ upload: BlobUpload, in log: any UploadLog) throws(RegistryError) {
    guard upload.location.hasSameOrigin(as: try root) else { return }
    log.acknowledged(upload.open, of: upload.descriptor.digest, in: upload.repository)
  }

  /// Asks how far the upload has come. False when the registry no longer has it, or does not say.
  func refresh(_ upload: inout BlobUpload) throws(RegistryError) -> Bool {
    let response = try exchange(HTTPRequest(.get, upload.location), for: upload.errand)
    guard response.isSuccess else {
      guard !response.isRetryable else { throw failure(response, for: upload.errand) }
      return false
    }
    guard let range = response.headers["Range"].flatMap({ UploadRange($0) }),
      range.next <= upload.descriptor.size
    else { return false }
    upload.location = try location(response, else: upload.location)
    upload.offset = range.next
    upload.isContinued = true
    return true
  }

  /// Opens an upload, or mounts the blob: nil when that was all. A registry that will not mount is asked
  /// for an upload.
  func open(
    _ descriptor: Descriptor, in repository: String, mountingFrom source: String?
  ) throws(RegistryError) -> BlobUpload? {
    let digest = descriptor.digest
    let url = try url(repository, "blobs/uploads", isDirectory: true)
    if let source {
      let errand = Errand.pushing(.blob(digest), to: repository, mountingFrom: source)
      let query = [(name: "mount", value: digest.description), (name: "from", value: source)]
      do {
        let response = try exchange(HTTPRequest(.post, url.appendingQuery(query)), for: errand)
        // Some say so of a blob that they do not have there, or not any more.
        if response.status == 201, try confirm(descriptor, in: repository, byBytes: true) == .held {
          return nil
        }
        if response.status == 202 { return try opened(by: response, descriptor, repository) }
      } catch .unauthorized, .denied {
        // The other repository may be closed to this credential where this one is open.
      }
    }
    let errand = Errand.pushing(.blob(digest), to: repository)
    let response = try exchange(HTTPRequest(.post, url), for: errand)
    guard response.status == 202 else { throw failure(response, for: errand) }
    return try opened(by: response, descriptor, repository)
  }

  private func opened(
    by response: HTTPResponse, _ descriptor: Descriptor, _ repository: String
  ) throws(RegistryError) -> BlobUpload {
    let least = response.headers["OCI-Chunk-Min-Length"].flatMap { Int64($0) } ?? 0
    return BlobUpload(
      descriptor: descriptor, repository: repository, location: try location(response), leastChunk: least)
  }

  /// Where an upload goes on. It may lie on another host, which then gets the bytes and no credential.
  func location(_ response: HTTPResponse, else current: HTTPURL? = nil) throws(RegistryError) -> HTTPURL {
    guard let text = response.headers["Location"] else {
      if let current { return current }
      throw malformed(response.url, "Location")
    }
    guard let target = try? response.url.resolving(text), isSound(target, from: response.url) else {
      throw malformed(response.url, "Location")
    }
    return target
  }

  private func isSound(_ target: HTTPURL, from origin: HTTPURL) -> Bool {
    !target.hasUserInfo && (!target.isPlain || origin.isPlain)
      && (target.host == origin.host || Self.isOrdinary(target, seenFrom: origin))
  }

  private static func isOrdinary(_ target: HTTPURL, seenFrom origin: HTTPURL) -> Bool {
    let place = AddressClass(host: target.host)
    return place == .ordinary || place == .loopback && AddressClass(host: origin.host) == .loopback
  }

  /// Gives an upload up, so that the registry need not keep what it has of it. Its failure changes nothing.
  func cancel(_ location: HTTPURL, for errand: Errand) {
    guard var authentication = try? authentication(for: errand),
      let request = try? authentication.authorize(HTTPRequest(.delete, location))
    else { return }
    _ = try? http.send(request)
  }

  func malformed(_ url: HTTPURL, _ what: String) -> RegistryError {
    .malformedResponse(url: url.description, what: what)
  }
}
