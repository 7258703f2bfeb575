import Transport

/// Finds out whether the credential may push to a repository, before anything is pushed.
struct PushCheck {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// From what the credential's token says it allows or, where it does not say so clearly, there is none, or the registry
  /// has said that it does not know the repository, by opening an upload and giving it up; with `opensUpload` that is done in any case. Throws why it may not.
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
    let unknown = connection.unknown[repository]
    switch authentication.grants.map({ Scope.push(repository).word(of: $0) }) {
    // Whoever may push to a repository that the registry does not know yet may have to make it first.
    case .granted: guard opensUpload || unknown != nil else { return }
    case .withheld:
      guard credential != nil else { throw connection.unauthorized(purpose, []) }
      // Nobody has rights in what is not there.
      if let unknown, unknown.contains(where: \.saysProjectIsMissing) {
        throw .repositoryNotFound(host: connection.host, repository: repository, messages: unknown)
      }
      throw .denied(host: connection.host, repository: repository, action: .push, messages: [])
    // What the token does not tell the registry does.
    case .absent, .unclear, nil: break
    }
    // Who is not asked who he is has no rights to check.
    guard opensUpload || authentication.isUsed || credential != nil || unknown != nil else { return }
    let opened = try open(repository, for: purpose)
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

  /// How often a registry may hang up before it is asked no more.
  private static let mostHangUps = 2

  /// Opens an upload. A registry may end the connection where one is opened in a repository that it does not have (ECR):
  /// it is taken at its word when it says so each time that it has done that, and not tried as long as a line that breaks.
  private func open(_ repository: String, for purpose: Purpose) throws(RegistryError) -> HTTPResponse {
    let uploads = try connection.url(repository, "blobs/uploads", isDirectory: true)
    var retrying = connection.http.retrying()
    var hangUps = 0
    while true {
      do throws(RegistryError) {
        let opened = try connection.exchange(HTTPRequest(.post, uploads), for: purpose, persistently: false)
        guard opened.isRetryable, try connection.again(&retrying, after: ExchangeFault(opened)) else {
          return opened
        }
      } catch {
        guard case .transport(let fault) = error, connection.http.isWorthRetrying(fault, to: uploads) else {
          throw error
        }
        let unknown = isHangUp(fault) ? try words(on: repository) : nil
        hangUps = unknown == nil ? 0 : hangUps + 1
        if hangUps < Self.mostHangUps,
          try connection.again(&retrying, after: ExchangeFault(.line(fault), at: uploads))
        {
          continue
        }
        guard let unknown else { throw error }
        throw .repositoryNotFound(host: connection.host, repository: repository, messages: unknown)
      }
    }
  }

  private func isHangUp(_ fault: TransportError) -> Bool {
    switch fault {
    case .reset, .cut: true
    default: false
    }
  }

  /// What the registry says of `repository` now, in answer to a question for what may lie there; nil unless it does not know
  /// the repository.
  private func words(on repository: String) throws(RegistryError) -> [RegistryMessage]? {
    do throws(RegistryError) {
      _ = try Manifests(connection).fetch("latest", of: repository, isForPush: true)
      return nil
    } catch {
      switch error {
      case .repositoryNotFound(_, _, let messages): return messages
      case .transport(.cancelled): throw error
      default: return nil
      }
    }
  }
}
