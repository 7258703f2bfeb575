import Digests
import Images
import Transport

/// Reads and writes a registry's manifests.
struct Manifests {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// The manifest under a tag or digest. Its bytes are hashed: they must be what a digest asked for, and what
  /// the registry says they are. Wrong bytes are fetched once more before they are an error.
  /// `isForPush` asks as one who is about to push there; `type` is what it is known to be, whatever that is. What a tag
  /// names gets its digest by `algorithm`, or else by the one that the registry names it by.
  func fetch(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Manifest {
    let purpose = Purpose.reading(.manifest(identifier), in: repository, isForPush: isForPush)
    do throws(RegistryError) {
      return try fetchOnce(identifier, of: repository, as: type, by: algorithm, purpose)
    } catch {
      switch error {
      case .wrongContent: return try fetchOnce(identifier, of: repository, as: type, by: algorithm, purpose)
      case .encodedContent:
        return try fetchOnce(identifier, of: repository, as: type, by: algorithm, purpose, asItIs: true)
      default: throw error
      }
    }
  }

  /// The manifest under a tag or digest, as ``fetch(_:of:as:isForPush:by:)`` gives it; nil when there is nothing. Asked
  /// by GET alone: HEAD may know less.
  func fetchIfPresent(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Manifest? {
    do {
      return try fetch(identifier, of: repository, as: type, isForPush: isForPush, by: algorithm)
    } catch .manifestNotFound, .repositoryNotFound {
      return nil
    } catch .refused(_, 400, _) where Self.isUnusual(identifier) {
      // It knows of no digests like that one.
      return nil
    }
  }

  /// What is larger, in bytes, is not fetched by many threads at a time: their texts alone may fill the memory. How large it is
  /// nobody says before it is asked for, and each time counts where registries count pulls; so it is fetched once more only where
  /// there is no room for it at once.
  private static let usualSize = 256 << 10

  /// `asItIs` asks whoever stands on the way, too, to change nothing.
  private func fetchOnce(
    _ identifier: String, of repository: String, as type: MediaType?, by wanted: Digest.Algorithm?,
    _ purpose: Purpose, asItIs: Bool = false
  ) throws(RegistryError) -> Manifest {
    do throws(RegistryError) {
      return try DocumentMemory.fetched.reservingAtOnce(2 * Manifest.sizeLimit) {
        hasRoom throws(RegistryError) in
        try fetchOnce(
          identifier, of: repository, as: type, by: wanted, purpose, asItIs: asItIs,
          within: hasRoom ? Manifest.sizeLimit : Self.usualSize)
      }
    } catch {
      guard case .notAManifest(_, _, _, .tooLarge(Int64(Self.usualSize))) = error else { throw error }
      return try DocumentMemory.fetched.reserving(2 * Manifest.sizeLimit) { () throws(RegistryError) in
        try fetchOnce(
          identifier, of: repository, as: type, by: wanted, purpose, asItIs: asItIs,
          within: Manifest.sizeLimit)
      }
    }
  }

  /// Takes no answer of more than `limit` bytes.
  private func fetchOnce(
    _ identifier: String, of repository: String, as type: MediaType?, by wanted: Digest.Algorithm?,
    _ purpose: Purpose, asItIs: Bool, within limit: Int
  ) throws(RegistryError) -> Manifest {
    let unusable: (ManifestError) -> RegistryError = { [host = connection.host] in
      .notAManifest(host: host, repository: repository, identifier: identifier, $0)
    }
    let response: HTTPResponse
    do {
      var request = try request(.get, identifier, of: repository, as: type)
      request.bodyLimit = limit
      if asItIs { request.headers.set("Cache-Control", "no-transform") }
      response = try connection.exchange(request, for: purpose)
    } catch .transport(.tooLarge(_, let limit, .body)) {
      throw unusable(.tooLarge(Int64(limit)))
    }
    guard response.status == 200 else { throw connection.failure(response, for: purpose) }
    let claimed = response.headers["Content-Type"].map(MediaType.init(contentType:))
    var isSchema1 = claimed?.isSchema1 == true
    let promises = [identifier, response.headers["Docker-Content-Digest"]].map {
      $0.flatMap { try? Digest($0) }
    }
    let algorithm =
      promises[0]?.algorithm ?? wanted ?? promises[1]?.algorithm ?? .sha256
    let manifest = Result { () throws(ManifestError) in
      do throws(ManifestError) {
        let isVouchedFor =
          response.headers["Docker-Content-Digest"] != nil || (try? Digest(identifier)) != nil
        return try Manifest(
          answer: response.body, mediaType: claimed, isVouchedFor: isVouchedFor, by: algorithm)
      } catch {
        isSchema1 = isSchema1 || error == .schema1
        guard isSchema1 else { throw error }
        return try Manifest(schema1: response.body)
      }
    }
    // That of a signed manifest of schema 1 is not over all of its bytes.
    let known = (try? manifest.get())?.digest
    for expected in promises.compactMap(\.self) {
      // A registry may call what it is asked for by the digest that it goes by there, of another algorithm.
      let isOwn = isSchema1 || known?.algorithm == expected.algorithm
      let actual = known.flatMap { isOwn ? $0 : nil } ?? Digest(of: response.body, by: expected.algorithm)
      guard expected != actual else { continue }
      if let encoding = response.encoding { throw connection.encoded(encoding, identifier, repository) }
      // Of one that cannot be read it is not known what its digest is over.
      if case .failure(let error) = manifest, isSchema1 { throw unusable(error) }
      throw .wrongContent(
        host: connection.host, repository: repository, what: identifier,
        .mismatch(expected: expected, actual: actual))
    }
    do throws(ManifestError) {
      let manifest = try manifest.get()
      // What says itself what it is, is to be called so (distribution-spec, "Pulling manifests").
      if let claimed, claimed.isManifest || claimed.isSchema1, claimed != manifest.mediaType,
        !(claimed.isSchema1 && manifest.mediaType.isSchema1)
      {
        throw ManifestError.contradictoryType(manifest.mediaType, header: claimed)
      }
      return manifest
    } catch {
      if let encoding = response.encoding { throw connection.encoded(encoding, identifier, repository) }
      throw unusable(error)
    }
  }

  /// What a tag or digest names, without its bytes; nil when there is nothing. Asked by HEAD, and by GET
  /// where a registry's HEAD does not say enough. `isForPush` asks as one who is about to push there. What a tag names has
  /// its digest by `algorithm`, where one is given.
  func resolve(
    _ identifier: String, of repository: String, isForPush: Bool = false,
    by algorithm: Digest.Algorithm? = nil
  ) throws(RegistryError) -> Descriptor? {
    let purpose = Purpose.reading(.manifest(identifier), in: repository, isForPush: isForPush)
    let response = try connection.exchange(request(.head, identifier, of: repository), for: purpose)
    switch response.status {
    case 200:
      if let descriptor = Self.descriptor(response), descriptor.isNamed(identifier),
        algorithm.map({ descriptor.digest.algorithm == $0 }) ?? true
      {
        return descriptor
      }
    case 404: return nil
    case 400, 405, 501: break
    default: throw connection.failure(response, for: purpose)
    }
    do {
      return try fetch(identifier, of: repository, isForPush: isForPush, by: algorithm).descriptor
    } catch .manifestNotFound, .repositoryNotFound {
      return nil
    }
  }

  /// Stores a manifest under a tag or its digest. Throws
  /// ``RegistryError/destinationDigestDiffers(repository:identifier:expected:actual:)`` when the registry
  /// reports another digest for it.
  ///
  /// What a tag names, registries name by sha256. So a manifest that goes by another algorithm is stored under its digest, with
  /// the tag beside it (distribution-spec, "Pushing Manifests"), and by that where the registry takes no notice of it.
  func put(
    _ manifest: Manifest, to repository: String, as identifier: String, persistently: Bool = true
  ) throws(RegistryError) {
    let digest = manifest.digest
    if digest.algorithm != .sha256, (try? Digest(identifier)) == nil {
      let tags = try store(
        manifest, to: repository, as: digest.description, tag: identifier, persistently: persistently)
      if tags.contains(identifier) { return }
    }
    _ = try store(manifest, to: repository, as: identifier, persistently: persistently)
  }

  /// Stores it under one identifier, and returns the tags that the registry says it has set beside that.
  private func store(
    _ manifest: Manifest, to repository: String, as identifier: String, tag: String? = nil, persistently: Bool
  ) throws(RegistryError) -> [String] {
    let purpose = Purpose.pushing(.manifest(tag ?? identifier), to: repository)
    var url = try connection.url(repository, "manifests/\(identifier)")
    if let tag { url = url.appendingQuery([("tag", tag)]) }
    var request = HTTPRequest(.put, url)
    request.headers.set("Content-Type", manifest.mediaType.rawValue)
    let response = try connection.exchange(
      request, body: manifest.bytes, for: purpose, persistently: persistently)
    guard response.status != 415 else {
      throw .typeRefused(
        host: connection.host, repository: repository, type: manifest.mediaType,
        messages: connection.messages(in: response))
    }
    guard response.isSuccess else {
      let failure = connection.failure(response, for: purpose).refusing(
        manifest, in: repository, of: connection.host)
      // A tag that is what it should be need not be written: by an earlier attempt, perhaps, whose answer was lost.
      guard case .immutable = failure,
        let present = try? fetchIfPresent(
          tag ?? identifier, of: repository, isForPush: true, by: manifest.digest.algorithm),
        present.digest == manifest.digest
      else { throw failure }
      return [tag].compactMap(\.self)
    }
    // It may call it by the digest that it goes by there, of another algorithm.
    if let stored = response.headers["Docker-Content-Digest"].flatMap({ try? Digest($0) }),
      stored.algorithm == manifest.digest.algorithm
        ? stored != manifest.digest : !stored.matches(manifest.bytes)
    {
      throw .destinationDigestDiffers(
        repository: repository, identifier: identifier, expected: manifest.digest, actual: stored)
    }
    // Any other success is no word of the registry's that it has the manifest.
    if response.status != 201 {
      let stored = try fetch(
        identifier, of: repository, isForPush: true, by: manifest.digest.algorithm
      ).digest
      guard stored == manifest.digest else {
        throw .destinationDigestDiffers(
          repository: repository, identifier: identifier, expected: manifest.digest, actual: stored)
      }
    }
    return response.headers.values(of: "OCI-Tag").flatMap { $0.split(separator: ",") }.map {
      String($0.drop { $0 == " " })
    }
  }

  /// Whether it is a digest by another algorithm than the usual one.
  private static func isUnusual(_ identifier: String) -> Bool {
    (try? Digest(identifier)).map { $0.algorithm != .sha256 } ?? false
  }

  private func request(
    _ method: HTTPMethod, _ identifier: String, of repository: String, as type: MediaType? = nil
  ) throws(RegistryError) -> HTTPRequest {
    var request = HTTPRequest(
      method, try connection.url(repository, "manifests/\(identifier)"), bodyLimit: Manifest.sizeLimit)
    // What has another type is there all the same; some registries want to hear it named.
    let other = type.flatMap { $0.mayBeOpaque ? $0 : nil }
    let types = (MediaType.manifests + [other].compactMap(\.self)).map(\.rawValue)
    request.headers.set("Accept", (types + ["*/*"]).joined(separator: ", "))
    return request
  }

  private static func descriptor(_ response: HTTPResponse) -> Descriptor? {
    // The length of what was encoded on the way is not the manifest's.
    guard response.encoding == nil,
      let digest = response.headers["Docker-Content-Digest"].flatMap({ try? Digest($0) }),
      let size = response.headers["Content-Length"].flatMap({ Int64($0) }), size > 0,
      size <= Descriptor.largestSize, let type = response.headers["Content-Type"]
    else { return nil }
    return Descriptor(mediaType: MediaType(contentType: type), digest: digest, size: size)
  }
}

extension Descriptor {
  /// Whether `identifier` is a tag, or this digest.
  fileprivate func isNamed(_ identifier: String) -> Bool {
    (try? Digest(identifier)).map { $0 == digest } ?? true
  }
}
