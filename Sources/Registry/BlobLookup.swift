import Digests
import Images
import Transport

/// What a repository has under a blob's digest.
public enum BlobPresence: Hashable, Sendable {
  case missing
  /// A blob of the size it should have.
  case held
  /// Something of another size, or what the registry itself calls another blob.
  case differs
  /// What the registry answers for out of its memory: no byte of it comes.
  case hollow
}

/// Asks a registry what it has of blobs.
struct BlobLookup {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// Whether a repository has a blob; one of another size than `size` does not count. `isForPush` asks as one
  /// who is about to push there; `confirmsAbsence` asks for its first byte where HEAD does not know it.
  func isHeld(
    _ digest: Digest, size: Int64?, in repository: String, isForPush: Bool = false,
    confirmsAbsence: Bool = false
  ) throws(RegistryError) -> Bool {
    let presence = try presence(of: digest, size: size, in: repository, isForPush: isForPush)
    guard presence == .missing, confirmsAbsence else { return presence == .held }
    let purpose = Purpose.reading(.blob(digest), in: repository)
    let url = try connection.url(repository, "blobs/\(digest)")
    return try presenceByRange(of: digest, size: size, at: url, for: purpose) == .held
  }

  /// What a repository has of a blob of `size` bytes, nil for any size. Asked by HEAD, and where that does not say
  /// that the blob has this size, by GET of its first byte. `isForPush` asks as one who is about to push there, `isSent` of a
  /// blob whose bytes it was just sent: where it leads elsewhere for them and nobody gets there from here, that is asked by GET, too.
  /// Throws ``RegistryError/unconfirmedBlob(host:repository:digest:_:)`` where that leads nowhere either.
  func presence(
    of digest: Digest, size: Int64?, in repository: String, isForPush: Bool = false, isSent: Bool = false
  ) throws(RegistryError) -> BlobPresence {
    let purpose = Purpose.reading(.blob(digest), in: repository, isForPush: isForPush)
    let url = try connection.url(repository, "blobs/\(digest)")
    var response: HTTPResponse
    do throws(RegistryError) {
      response = try connection.exchange(
        HTTPRequest(.head, url, followsRedirects: !isSent), for: purpose)
      if isSent, response.redirect != nil {
        let leadsAway = connection.leadsAway(response)
        do throws(RegistryError) {
          response = try connection.exchange(HTTPRequest(.head, url), for: purpose, persistently: !leadsAway)
        } catch {
          guard leadsAway, error.isOfWay else { throw error }
          do throws(RegistryError) {
            return try presenceByRange(of: digest, size: size, at: url, for: purpose)
          } catch let second {
            guard second.isOfWay else { throw second }
            throw .unconfirmedBlob(host: connection.host, repository: repository, digest: digest, second)
          }
        }
      }
    } catch {
      // Whoever may not ask by HEAD may yet by GET.
      guard error.isRefusal else { throw error }
      return try presenceByRange(of: digest, size: size, at: url, for: purpose)
    }
    switch response.status {
    case 200:
      if Self.names(response, otherThan: digest) { return .differs }
      guard let size else { return .held }
      // The length of what was encoded on the way is not the blob's.
      let length = response.encoding == nil ? response.headers["Content-Length"] : nil
      if length == String(size) { return .held }
      // Some give a HEAD another length than the blob has, or none: GET decides.
      let presence = try presenceByRange(of: digest, size: size, at: url, for: purpose)
      return presence == .missing && length != nil ? .differs : presence
    case 404: return .missing
    // A registry may answer GET alone, and a storage host that signs its URLs for that.
    default: return try presenceByRange(of: digest, size: size, at: url, for: purpose)
    }
  }

  /// Sees that the repository has a blob that was just given to it, and sends a byte of it: a registry may need a
  /// moment to know what it has taken. Throws ``RegistryError/blobNotKept(host:repository:digest:isOther:)``.
  func expect(_ blob: Descriptor, in repository: String) throws(RegistryError) {
    let presence = try confirm(blob, in: repository, byBytes: true)
    if presence != .held { throw notKept(blob, in: repository, presence) }
  }

  /// The error for a blob that the registry has taken and does not have.
  func notKept(_ blob: Descriptor, in repository: String, _ presence: BlobPresence) -> RegistryError {
    .blobNotKept(
      host: connection.host, repository: repository, digest: blob.digest, isOther: presence == .differs)
  }

  /// How often a registry is asked for what it has just taken.
  private static let mostQuestions = 5

  /// How long is waited for what there is another way to: a mount that is none is made up for by the bytes.
  private static let shortPatience = Duration.seconds(1)

  /// What the repository has of a blob that was just given to it, asked again while it is not there; `byBytes` asks at
  /// once for a byte of it. Bytes that were sent make HEAD enough. What came without any, by a mount, may rest on what
  /// the registry remembers of a blob that is gone. `isReplaceable` says that the blob can be had another way at once. Throws
  /// ``RegistryError/unconfirmedBlob(host:repository:digest:_:)`` where bytes were sent and nobody may ask for them, or gets to where they
  /// lie.
  func confirm(
    _ blob: Descriptor, in repository: String, byBytes: Bool = false, isReplaceable: Bool = false
  ) throws(RegistryError) -> BlobPresence {
    let purpose = Purpose.reading(.blob(blob.digest), in: repository, isForPush: true)
    let url = try connection.url(repository, "blobs/\(blob.digest)")
    let patience = connection.patience
    var pauses = patience.pauses()
    var budget = connection.http.retryBudget()
    for question in 1... {
      var presence = BlobPresence.missing
      // An empty blob has no byte to ask for.
      do throws(RegistryError) {
        if !byBytes || blob.size == 0 {
          presence = try self.presence(
            of: blob.digest, size: blob.size, in: repository, isForPush: true, isSent: !byBytes)
        }
        // What HEAD does not know GET may.
        if presence == .missing {
          presence = try presenceByRange(of: blob.digest, size: blob.size, at: url, for: purpose)
        }
      } catch {
        guard !byBytes, error.isRefusal else { throw error }
        throw .unconfirmedBlob(
          host: connection.host, repository: repository, digest: blob.digest, error)
      }
      // What lies in its place stays there.
      let isSettling = presence == .missing && !isReplaceable
      guard presence != .held else {
        if question > 1 { patience.end(true) }
        return presence
      }
      let pause =
        patience.isNone
        ? question < Self.mostQuestions ? budget.delay() : nil
        : pauses.next(within: isSettling ? nil : Self.shortPatience)
      guard let pause else {
        if question > 1, isSettling { patience.end(false) }
        return presence
      }
      if question == 1, isSettling {
        connection.configuration.settling.heard?(.blob(repository: repository, blob.digest))
      }
      try connection.wait(pause)
    }
    return .missing
  }

  /// How large a blob is that nothing else tells the size of, in bytes; nil when the repository does not have it. Asked by
  /// HEAD, and where that does not say, by GET: of its first byte, or of all of it where no answer says how many there are.
  func size(of digest: Digest, in repository: String) throws(RegistryError) -> Int64? {
    let purpose = Purpose.reading(.blob(digest), in: repository)
    let url = try connection.url(repository, "blobs/\(digest)")
    let head = try connection.exchange(HTTPRequest(.head, url), for: purpose)
    if head.status == 200, !Self.names(head, otherThan: digest),
      let size = head.headers["Content-Length"].flatMap({ Int64($0) }), size > 0
    {
      return size
    }
    var request = HTTPRequest(.get, url)
    request.headers.set("Range", "bytes=0-0")
    guard let (response, _) = try firstByte(of: request, for: purpose) else { return nil }
    switch response.status {
    case 200, 206, 416: if let total = Self.total(response) { return total }
    case 404, 410: return nil
    default: throw connection.failure(response, for: purpose)
    }
    var count: Int64 = 0
    return try readAll(of: url, for: purpose) { count += Int64($0.byteCount) } ? count : nil
  }

  /// What a repository has of `blob`, of which it must send a byte: a registry may answer for a blob out of its memory
  /// whose bytes are gone (distribution with its cache of descriptors). `isForPush` asks as one who is about to push
  /// there.
  func presenceOfBytes(
    of blob: Descriptor, in repository: String, isForPush: Bool = true
  ) throws(RegistryError) -> BlobPresence {
    do {
      let presence = try presence(of: blob.digest, size: blob.size, in: repository, isForPush: isForPush)
      guard presence == .held, blob.size > 0 else { return presence }
      let found = try presenceByRange(
        of: blob.digest, size: blob.size, at: try connection.url(repository, "blobs/\(blob.digest)"),
        for: .reading(.blob(blob.digest), in: repository, isForPush: isForPush))
      return found == .missing ? .hollow : found
    } catch {
      // What may be pushed and not asked for is pushed.
      guard isForPush, error.isRefusal else { throw error }
      return .missing
    }
  }

  /// Asks for the first byte, which must come, and takes the size from what the answer says of the whole; where it says
  /// nothing of that, all is read and hashed.
  private func presenceByRange(
    of digest: Digest, size: Int64?, at url: HTTPURL, for purpose: Purpose
  ) throws(RegistryError) -> BlobPresence {
    var request = HTTPRequest(.get, url)
    request.headers.set("Range", "bytes=0-0")
    guard let (response, isFirstByteThere) = try firstByte(of: request, for: purpose) else { return .missing }
    switch response.status {
    case 200, 206, 416: break
    case 404, 410: return .missing
    // It knows of no digests like that one.
    case 400 where digest.algorithm != .sha256: return .missing
    case 400..<500 where !connection.isOwn(response.url) && !response.isRetryable:
      return .missing
    default: throw connection.failure(response, for: purpose)
    }
    if Self.names(response, otherThan: digest) { return .differs }
    let total = Self.total(response)
    if let encoding = response.encoding, let size, response.isSuccess, total != size,
      let repository = purpose.repository
    {
      guard try presenceByContent(of: digest, size: size, at: url, for: purpose) != .held else {
        return .held
      }
      throw connection.encoded(encoding, digest.description, repository)
    }
    guard let total else {
      guard let size, response.isSuccess else { return .missing }
      return try presenceByContent(of: digest, size: size, at: url, for: purpose)
    }
    guard size == nil || total == size else { return .differs }
    return total == 0 || isFirstByteThere ? .held : .missing
  }

  /// Whether the registry says that what it has is another blob.
  private static func names(_ response: HTTPResponse, otherThan digest: Digest) -> Bool {
    // One of another algorithm is the digest that the same blob goes by there.
    response.headers["Docker-Content-Digest"].flatMap { try? Digest($0) }.map {
      $0.algorithm == digest.algorithm && $0 != digest
    } ?? false
  }

  /// How large the blob is of whose first byte this is the answer, in bytes; nil when it does not say.
  private static func total(_ response: HTTPResponse) -> Int64? {
    switch response.status {
    case 200: response.headers["Content-Length"].flatMap { Int64($0) }
    case 206: response.headers["Content-Range"].flatMap { ContentRange($0) }?.total
    // An empty blob has no first byte.
    case 416: response.headers["Content-Range"] == "bytes */0" ? 0 : nil
    default: nil
    }
  }

  /// Reads the whole blob and hashes it.
  private func presenceByContent(
    of digest: Digest, size: Int64, at url: HTTPURL, for purpose: Purpose
  ) throws(RegistryError) -> BlobPresence {
    var verifier = BlobVerifier(digest: digest, size: size)
    var isRight = true
    let isThere = try readAll(of: url, for: purpose) { bytes throws(DigestError) in
      do throws(DigestError) { try verifier.update(bytes) } catch {
        isRight = false
        throw error
      }
    }
    guard isThere else { return isRight ? .missing : .differs }
    return (try? verifier.check()) == nil ? .differs : .held
  }

  /// Reads all of a blob; false when the registry does not give it, or `take` wants no more of it.
  private func readAll(
    of url: HTTPURL, for purpose: Purpose, _ take: (RawSpan) throws(DigestError) -> Void
  ) throws(RegistryError) -> Bool {
    var authentication = try connection.authentication(for: purpose)
    do {
      while true {
        let authorized = try authentication.authorize(HTTPRequest(.get, url))
        let response = try connection.http.receive(authorized, accepts: { $0.status == 200 }) {
          try take($0)
        }
        if try authentication.answer(response) { continue }
        return response.status == 200
      }
    } catch let error as TransportError {
      throw .transport(error)
    } catch let error as RegistryError {
      throw error
    } catch is DigestError {
      return false
    } catch {
      throw .malformedResponse(url: url.description, .content)
    }
  }

  /// Ends an answer of which no more is wanted.
  private struct Enough: Error {
    let head: HTTPResponse
  }

  /// One request, authenticated and retried, and whether the first byte of what it asks for came; nil where a head
  /// promises bytes and none come, again and again. No more of the body is read.
  private func firstByte(
    of request: HTTPRequest, for purpose: Purpose
  ) throws(RegistryError) -> (HTTPResponse, Bool)? {
    var authentication = try connection.authentication(for: purpose)
    var retrying = connection.http.retrying()
    var broken = 0
    while true {
      let authorized = try authentication.authorize(request)
      let fault: ExchangeFault
      let outcome: Result<(HTTPResponse, Bool)?, RegistryError>
      var promise: HTTPResponse?
      var isThere = false
      do {
        let response: HTTPResponse
        do {
          response = try connection.http.receive(authorized) { head in
            guard head.status == 200 || head.status == 206 else { return false }
            promise = head
            return true
          } sink: { bytes in
            guard bytes.byteCount > 0, let promise else { return }
            throw Enough(head: promise)
          }
        } catch let enough as Enough {
          isThere = true
          response = enough.head
        }
        if try authentication.answer(response) { continue }
        guard response.status != 401 else {
          throw connection.failure(response, for: purpose, after: authentication)
        }
        guard response.isRetryable else { return (response, isThere) }
        fault = ExchangeFault(response)
        outcome = .success((response, isThere))
      } catch let error as TransportError {
        if promise != nil { broken += 1 }
        guard broken < 2 else { return nil }
        outcome = promise != nil ? .success(nil) : .failure(.transport(error))
        guard connection.http.isWorthRetrying(error, to: request.url) else { return try outcome.get() }
        fault = ExchangeFault(.line(error), at: request.url)
      } catch let error as RegistryError {
        throw error
      } catch {
        throw .malformedResponse(url: request.url.description, .content)
      }
      guard try connection.again(&retrying, after: fault) else { return try outcome.get() }
    }
  }
}

extension RegistryError {
  /// Whether the registry has answered, and does not say what it was asked.
  fileprivate var isRefusal: Bool {
    switch self {
    case .unauthorized, .denied, .noUsableChallenge, .refused: true
    default: false
    }
  }
}

extension RegistryError {
  /// Whether nobody was reached.
  fileprivate var isOfWay: Bool {
    if case .transport(let fault) = self { fault != .cancelled } else { false }
  }
}
