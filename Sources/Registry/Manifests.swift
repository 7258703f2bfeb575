import Digests
import Images
import Transport

/// Reads and writes a registry's manifests.
struct Manifests {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// The manifest under a tag or digest. Its bytes are hashed: they must be what a digest asked for, and what
  /// the registry says they are. Wrong bytes are fetched once more before they are an error.
  /// `isForPush` asks as one who is about to push there; `type` is what it is known to be, whatever that is.
  func fetch(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false
  ) throws(RegistryError) -> Manifest {
    let purpose = Purpose.reading(.manifest(identifier), in: repository, isForPush: isForPush)
    do throws(RegistryError) {
      return try fetchOnce(identifier, of: repository, as: type, purpose)
    } catch {
      switch error {
      case .wrongContent: return try fetchOnce(identifier, of: repository, as: type, purpose)
      case .encodedContent: return try fetchOnce(identifier, of: repository, as: type, purpose, asItIs: true)
      default: throw error
      }
    }
  }

  /// The manifest under a tag or digest, as ``fetch(_:of:as:isForPush:)`` gives it; nil when there is nothing. Asked
  /// by GET alone: HEAD may know less.
  func fetchIfPresent(
    _ identifier: String, of repository: String, as type: MediaType? = nil, isForPush: Bool = false
  ) throws(RegistryError) -> Manifest? {
    do {
      return try fetch(identifier, of: repository, as: type, isForPush: isForPush)
    } catch .manifestNotFound, .repositoryNotFound {
      return nil
    }
  }

  /// `asItIs` asks whoever stands on the way, too, to change nothing.
  private func fetchOnce(
    _ identifier: String, of repository: String, as type: MediaType?, _ purpose: Purpose, asItIs: Bool = false
  ) throws(RegistryError) -> Manifest {
    let unusable: (ManifestError) -> RegistryError = { [host = connection.host] in
      .notAManifest(host: host, repository: repository, identifier: identifier, $0)
    }
    let response: HTTPResponse
    do {
      var request = try request(.get, identifier, of: repository, as: type)
      if asItIs { request.headers.set("Cache-Control", "no-transform") }
      response = try connection.exchange(request, for: purpose)
    } catch .transport(.tooLarge(_, let limit)) {
      throw unusable(.tooLarge(Int64(limit)))
    }
    guard response.status == 200 else { throw connection.failure(response, for: purpose) }
    let claimed = response.headers["Content-Type"].map(MediaType.init(contentType:))
    var isSchema1 = claimed?.isSchema1 == true
    let manifest = Result { () throws(ManifestError) in
      do throws(ManifestError) {
        let isVouchedFor =
          response.headers["Docker-Content-Digest"] != nil || (try? Digest(identifier)) != nil
        return try Manifest(answer: response.body, mediaType: claimed, isVouchedFor: isVouchedFor)
      } catch {
        isSchema1 = isSchema1 || error == .schema1
        guard isSchema1 else { throw error }
        return try Manifest(schema1: response.body)
      }
    }
    // That of a signed manifest of schema 1 is not over all of its bytes.
    let actual = (try? manifest.get())?.digest ?? Digest(of: response.body)
    for promise in [identifier, response.headers["Docker-Content-Digest"]] {
      guard let expected = promise.flatMap({ try? Digest($0) }), expected != actual else { continue }
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
  /// where a registry's HEAD does not say enough. `isForPush` asks as one who is about to push there.
  func resolve(
    _ identifier: String, of repository: String, isForPush: Bool = false
  ) throws(RegistryError) -> Descriptor? {
    let purpose = Purpose.reading(.manifest(identifier), in: repository, isForPush: isForPush)
    let response = try connection.exchange(request(.head, identifier, of: repository), for: purpose)
    switch response.status {
    case 200:
      if let descriptor = Self.descriptor(response), descriptor.isNamed(identifier) { return descriptor }
    case 404: return nil
    case 400, 405, 501: break
    default: throw connection.failure(response, for: purpose)
    }
    do {
      return try fetch(identifier, of: repository, isForPush: isForPush).descriptor
    } catch .manifestNotFound, .repositoryNotFound {
      return nil
    }
  }

  /// Stores a manifest under a tag or its digest. Throws
  /// ``RegistryError/destinationDigestDiffers(repository:identifier:expected:actual:)`` when the registry
  /// reports another digest for it.
  func put(
    _ manifest: Manifest, to repository: String, as identifier: String, persistently: Bool = true
  ) throws(RegistryError) {
    let purpose = Purpose.pushing(.manifest(identifier), to: repository)
    var request = HTTPRequest(.put, try connection.url(repository, "manifests/\(identifier)"))
    request.headers.set("Content-Type", manifest.mediaType.rawValue)
    let response = try connection.exchange(
      request, body: manifest.bytes, for: purpose, persistently: persistently)
    guard response.status != 415 else {
      throw .typeRefused(
        host: connection.host, repository: repository, type: manifest.mediaType,
        messages: connection.messages(in: response))
    }
    guard response.isSuccess else {
      let failure = connection.failure(response, for: purpose)
      // A tag that is what it should be need not be written: by an earlier attempt, perhaps, whose answer was lost.
      guard case .immutable = failure,
        let present = try? fetchIfPresent(identifier, of: repository, isForPush: true),
        present.digest == manifest.digest
      else { throw failure }
      return
    }
    if let stored = response.headers["Docker-Content-Digest"].flatMap({ try? Digest($0) }),
      stored != manifest.digest
    {
      throw .destinationDigestDiffers(
        repository: repository, identifier: identifier, expected: manifest.digest, actual: stored)
    }
    // Any other success is no word of the registry's that it has the manifest.
    if response.status != 201 {
      let stored = try fetch(identifier, of: repository, isForPush: true).digest
      guard stored == manifest.digest else {
        throw .destinationDigestDiffers(
          repository: repository, identifier: identifier, expected: manifest.digest, actual: stored)
      }
    }
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
