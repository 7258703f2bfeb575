import Transport

/// Where the uploads of a repository lie, by what the registry's answers say: at its own origin, or on a host that the
/// user has allowed.
struct UploadLocations {
  private let repository: String
  private let purpose: Purpose
  private let connection: RegistryConnection

  /// `purpose` is that of the requests whose answers are read.
  init(for purpose: Purpose, _ repository: String, _ connection: RegistryConnection) {
    self.purpose = purpose
    self.repository = repository
    self.connection = connection
  }

  /// Where the bytes of an upload that was opened go. Where there are two such places, the registry is asked how far the
  /// upload has come, which it knows at the right one.
  func given(by response: HTTPResponse) throws(RegistryError) -> HTTPURL {
    guard let place = try place(givenBy: response) else {
      throw .malformedResponse(url: response.url.description, .header("Location"))
    }
    guard let otherwise = place.otherwise else { return place.first }
    let first = try knows(place.first)
    if first == .well { return place.first }
    let second = try knows(otherwise)
    guard second == .well || first == .notAtAll && second == .perhaps else { return place.first }
    try connection.addresses.learn(secondOf: place)
    return otherwise
  }

  private enum Knowledge { case well, perhaps, notAtAll }

  /// Whether the registry has an upload at an address.
  private func knows(_ address: HTTPURL) throws(RegistryError) -> Knowledge {
    let response: HTTPResponse
    do { response = try connection.exchange(HTTPRequest(.get, address), for: purpose) } catch {
      switch error {
      case .unauthorized, .denied, .noUsableChallenge, .untrustedRealm: return .perhaps
      default: throw error
      }
    }
    let headers = response.headers
    let isUpload =
      response.status == 204 || headers["Range"] != nil || headers["Docker-Upload-UUID"] != nil
      || headers["Location"] != nil
    if response.isSuccess, isUpload { return .well }
    return response.isSuccess || [404, 410].contains(response.status) ? .notAtAll : .perhaps
  }

  /// Where the next bytes of an upload under way go; nil where the answer does not say.
  func givenNext(by response: HTTPResponse) -> Result<HTTPURL?, RegistryError> {
    Result { () throws(RegistryError) in try place(givenBy: response)?.first }
  }

  /// What an answer gives as the upload's address. Throws
  /// ``RegistryError/uploadElsewhere(host:repository:target:)`` for one on a host that was not allowed.
  private func place(givenBy response: HTTPResponse) throws(RegistryError) -> OwnAddresses.Place? {
    guard let text = response.headers["Location"] else { return nil }
    if let target = try? response.url.resolving(text), isAllowed(target) {
      return OwnAddresses.Place(first: target)
    }
    let question = OwnAddresses.Question.uploads(to: repository)
    switch try connection.addresses.meaning(of: text, from: response.url, to: question) {
    case .own(let place): return place
    case .foreign(let target) where isSound(target): throw elsewhere(target)
    case .foreign, .unusable:
      throw .malformedResponse(url: response.url.description, .header("Location"))
    }
  }

  /// `request`, which carries bytes of the upload, as a redirect wants it: on the registry's own host, or on one that was
  /// allowed. nil for any other answer. Throws ``RegistryError/uploadElsewhere(host:repository:target:)``.
  func redirected(_ request: HTTPRequest, by response: HTTPResponse) throws(RegistryError) -> HTTPRequest? {
    guard let location = response.redirect, [301, 302, 307, 308].contains(response.status) else { return nil }
    do {
      if let own = try request.redirected(by: response) { return own }
    } catch {
      throw .transport(error)
    }
    guard let target = try? response.url.resolving(location), !connection.isOwn(target), isSound(target)
    else { return nil }
    guard isAllowed(target) else { throw elsewhere(target) }
    guard response.status >= 307 else { return nil }
    var next = request
    next.url = target
    return next
  }

  private func elsewhere(_ target: HTTPURL) -> RegistryError {
    .uploadElsewhere(host: connection.host, repository: repository, target: target.authority)
  }

  /// Whether an upload may go to an address on another host: a layer is private.
  private func isAllowed(_ target: HTTPURL) -> Bool {
    let hosts = connection.configuration.uploadHosts
    return isSound(target)
      && (hosts.contains(target.authority) || hosts.contains("\(target.host):\(target.port)"))
  }

  /// Whether an address on another host is one that a registry may have at all.
  private func isSound(_ target: HTTPURL) -> Bool {
    guard let root = try? connection.root else { return false }
    let isReached =
      switch AddressClass(host: target.host) {
      case .ordinary, .local: true
      case .loopback: AddressClass(host: root.host) == .loopback
      case .reserved, .linkLocal, .metadata: false
      }
    return !target.hasUserInfo && (!target.isPlain || root.isPlain) && (isReached || target.host == root.host)
  }
}
