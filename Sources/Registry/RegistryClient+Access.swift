import Transport

extension RegistryClient {
  /// Finds out whether the credential may push to `repository`, before anything is pushed: from what its
  /// token says it allows or, where that is opaque or there is none, by opening an upload and giving it up.
  /// With `opensUpload` that is done in any case: then it shows, too, whether the registry takes anything at all.
  /// Throws ``RegistryError/denied(host:repository:action:messages:)``, `unauthorized` and others.
  public func checkPush(to repository: String, opensUpload: Bool = false) throws(RegistryError) {
    let errand = Errand.pushing(.none, to: repository)
    // The registry's root meets the challenge and asks for no right of its own; the answer to the challenge
    // comes with a token for what the errand needs.
    do throws(RegistryError) {
      let probe = try exchange(HTTPRequest(.get, try root), for: errand)
      if probe.isRetryable { throw failure(probe, for: errand) }
    } catch {
      // What the token allows shows below.
      guard case .denied = error else { throw error }
    }
    let authentication = try authentication(for: errand)
    if let grants = authentication.grants {
      guard Scope.push(repository).isCovered(by: grants) else {
        guard configuration.credential != nil else {
          throw .unauthorized(host: host, repository: repository, hadCredential: false, messages: [])
        }
        throw .denied(host: host, repository: repository, action: .push, messages: [])
      }
      guard opensUpload else { return }
    }
    // Who is not asked who he is has no rights to check.
    guard opensUpload || authentication.isUsed || configuration.credential != nil else { return }
    let uploads = try url(repository, "blobs/uploads", isDirectory: true)
    let opened = try exchange(HTTPRequest(.post, uploads), for: errand)
    guard opened.status == 202 else { throw failure(opened, for: errand) }
    // Nothing stays behind, where the registry lets it: the right to delete is another one than to push, and many keys
    // that may push have it not.
    do throws(RegistryError) {
      _ = try exchange(HTTPRequest(.delete, try location(opened)), for: errand)
    } catch {
      if case .transport(.cancelled) = error { throw error }
    }
  }
}
