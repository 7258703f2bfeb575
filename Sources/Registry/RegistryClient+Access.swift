import Transport

extension RegistryClient {
  /// Finds out whether the credential may push to `repository`, before anything is pushed: from what its
  /// token says it allows or, where that is opaque or there is none, by opening an upload and giving it up.
  /// Throws ``RegistryError/denied(host:repository:action:messages:)``, `unauthorized` and others.
  public func checkPush(to repository: String) throws(RegistryError) {
    let errand = Errand.pushing(.none, to: repository)
    // Any request meets the challenge, and its answer comes with a token for what the errand needs.
    let probe = try exchange(HTTPRequest(.get, try url(repository, "tags/list")), for: errand)
    guard probe.isSuccess || probe.status == 404 else { throw failure(probe, for: errand) }
    if let grants = try authentication(for: errand).grants {
      guard grants.contains(where: { $0.covers(.push(repository)) }) else {
        throw .denied(host: host, repository: repository, action: .push, messages: [])
      }
      return
    }
    let uploads = try url(repository, "blobs/uploads", isDirectory: true)
    let opened = try exchange(HTTPRequest(.post, uploads), for: errand)
    guard opened.status == 202 else { throw failure(opened, for: errand) }
    cancel(try location(opened), for: errand)
  }
}
