import Digests
public import Images
import Transport

extension RegistryClient {
  /// Stores a blob: mounted from `mountingFrom` where the registry does that, else uploaded from `source`,
  /// hashed on the way. The last bytes are held back until the digest agrees, so wrong content never
  /// commits: its upload is cancelled, and it is ``RegistryError/wrongContent(host:repository:what:_:)``.
  ///
  /// The whole goes in one PUT; a registry that refuses that gets it by PATCH, from then on. After a cut line
  /// a new upload is opened, within the retries. Throws ``RegistryError``, and what `source` throws as it is.
  public func pushBlob(
    _ descriptor: Descriptor, to repository: String, mountingFrom: String?, from source: some BlobSource
  ) throws -> BlobPush {
    var held = try heldBack(source, descriptor, repository)
    var mountable = mountingFrom == repository ? nil : mountingFrom
    var byPatch = uploadHabits.refusesWholePut
    var isLesson = false
    var budget = http.retryBudget()
    while true {
      guard let location = try open(descriptor.digest, in: repository, mountingFrom: mountable) else {
        return .mounted
      }
      mountable = nil
      var upload = BlobUpload(
        descriptor: descriptor, repository: repository, location: location, byPatch: byPatch)
      switch try send(&held, through: &upload) {
      case .stored:
        guard let proof = held.proof else { throw malformed(upload.location, "success before the last byte") }
        if isLesson { uploadHabits.noteRefusal() }
        return .uploaded(proof)
      case .refusedWhole(let isForgotten):
        cancel(upload.location, for: upload.errand)
        byPatch = true
        isLesson = !isForgotten
      case .failed(let error, let retryAfter):
        guard let delay = budget.delay(retryAfter: retryAfter) else { throw error }
        do { try http.wait(delay) } catch { throw RegistryError.transport(error) }
        // The line may have failed after the registry had it all.
        if let proof = held.proof, (try? hasBlob(proof.digest, size: proof.size, in: repository)) == true {
          return .uploaded(proof)
        }
      }
      held.restart()
    }
  }

  private func heldBack<Source: BlobSource>(
    _ source: Source, _ descriptor: Descriptor, _ repository: String
  ) throws(RegistryError) -> HeldBackSource<Source> {
    do { return try HeldBackSource(source, of: descriptor) } catch {
      throw wrongContent(error, descriptor.digest, repository)
    }
  }

  /// Opens an upload, or mounts the blob: nil when that was all. A registry that will not mount is asked
  /// for an upload.
  private func open(
    _ digest: Digest, in repository: String, mountingFrom source: String?
  ) throws(RegistryError) -> HTTPURL? {
    let url = try url(repository, "blobs/uploads", isDirectory: true)
    if let source {
      let errand = Errand.pushing(.blob(digest), to: repository, mountingFrom: source)
      let query = [(name: "mount", value: digest.description), (name: "from", value: source)]
      do {
        let response = try exchange(HTTPRequest(.post, url.appendingQuery(query)), for: errand)
        if response.status == 201 { return nil }
        if response.status == 202 { return try location(response) }
      } catch .unauthorized, .denied {
        // The other repository may be closed to this credential where this one is open.
      }
    }
    let errand = Errand.pushing(.blob(digest), to: repository)
    let response = try exchange(HTTPRequest(.post, url), for: errand)
    guard response.status == 202 else { throw failure(response, for: errand) }
    return try location(response)
  }

  /// Where an upload goes on. It may lie on another host, which then gets the bytes and no credential.
  func location(_ response: HTTPResponse, else current: HTTPURL? = nil) throws(RegistryError) -> HTTPURL {
    guard let text = response.headers["Location"] else {
      if let current { return current }
      throw malformed(response.url, "Location")
    }
    guard let target = try? response.url.resolving(text), !target.hasUserInfo,
      !target.isPlain || response.url.isPlain,
      target.host == response.url.host || Self.isOrdinary(target, seenFrom: response.url)
    else { throw malformed(response.url, "Location") }
    return target
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
