import Transport

/// Finds out whether the credential may push to a repository, before anything is pushed.
struct PushCheck {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// From what the credential's token says it allows or, where it does not say so clearly or there is none, by opening an
  /// upload and giving it up; with `opensUpload` that is done in any case. Throws why it may not.
  func check(_ repository: String, opensUpload: Bool) throws(RegistryError) {
    let purpose = Purpose.pushing(.none, to: repository)
    // The registry's root meets the challenge and asks for no right of its own; the answer to the challenge
    // comes with a token for what pushing needs.
    do throws(RegistryError) {
      let probe = try connection.exchange(HTTPRequest(.get, try connection.root), for: purpose)
      if probe.isRetryable { throw connection.failure(probe, for: purpose) }
    } catch {
      // What the token allows shows below.
      guard case .denied = error else { throw error }
    }
    let credential = connection.configuration.credential
    let authentication = try connection.authentication(for: purpose)
    switch authentication.grants.map({ Scope.push(repository).word(of: $0) }) {
    case .granted: guard opensUpload else { return }
    case .withheld:
      guard credential != nil else { throw connection.unauthorized(purpose, []) }
      throw .denied(host: connection.host, repository: repository, action: .push, messages: [])
    // What the token does not tell the registry does.
    case .absent, .unclear, nil: break
    }
    // Who is not asked who he is has no rights to check.
    guard opensUpload || authentication.isUsed || credential != nil else { return }
    let uploads = try connection.url(repository, "blobs/uploads", isDirectory: true)
    let opened = try connection.exchange(HTTPRequest(.post, uploads), for: purpose)
    guard opened.status == 202 else { throw connection.failure(opened, for: purpose) }
    // Nothing stays behind, where the registry lets it: the right to delete is another one than to push, and many keys
    // that may push have it not.
    let locations = UploadLocations(for: purpose, repository, connection)
    do throws(RegistryError) {
      var request = HTTPRequest(.delete, try locations.given(by: opened))
      request.isOptional = true
      _ = try connection.exchange(request, for: purpose)
    } catch {
      switch error {
      case .transport(.cancelled), .uploadElsewhere: throw error
      default: break
      }
    }
  }
}
