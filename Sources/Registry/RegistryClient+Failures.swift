import Transport

extension RegistryClient {
  /// What an answer that is no success means for `errand`, after `authentication` has done what it could.
  func failure(
    _ response: HTTPResponse, for errand: Errand, after authentication: RequestAuthentication? = nil
  ) -> RegistryError {
    let url = response.url.description
    let messages = RegistryMessage.list(in: response.body.hiding(secrets))
    // It may well go on being full or read-only for as long as it is asked.
    let isFull = errand.action == .push && [405, 413, 507].contains(response.status)
    if isFull { return .writeRefused(url: url, status: response.status, messages: messages) }
    if response.isRetryable {
      return .overwhelmed(url: url, status: response.status, messages: messages)
    }
    // A storage host behind a redirect knows no codes and no credentials of ours.
    guard let origin = try? root, response.url.hasSameOrigin(as: origin) else {
      if [404, 410].contains(response.status), case .blob(let digest) = errand.item,
        errand.action == .pull, let repository = errand.repository
      {
        return .blobNotFound(host: host, repository: repository, digest: digest)
      }
      return .refused(url: url, status: response.status, messages: messages)
    }
    if response.status == 401, authentication?.lacksRights == true {
      // That authentication is required, as such an answer has it, is not what is wrong.
      return .denied(
        host: host, repository: errand.repository, action: errand.action,
        messages: messages.filter { $0.code != "UNAUTHORIZED" })
    }
    let refusals = authentication?.refusals ?? []
    // A token server that knows the credential may be the one that says what it may not do.
    let isDenied =
      response.status == 403 || (messages + refusals).contains { $0.code == "DENIED" }
    switch response.status {
    case _ where isDenied:
      return .denied(
        host: host, repository: errand.repository, action: errand.action, messages: messages + refusals)
    case 401:
      return .unauthorized(
        host: host, repository: errand.repository, hadCredential: configuration.credential != nil,
        messages: messages + refusals)
    case 404: return notFound(errand, url: url, messages)
    case 400 where configuration.plainHTTP && messages.contains(where: Self.speaksOfTLS):
      return .tlsExpected(host: host)
    default: return .refused(url: url, status: response.status, messages: messages)
    }
  }

  private func notFound(_ errand: Errand, url: String, _ messages: [RegistryMessage]) -> RegistryError {
    guard let repository = errand.repository else {
      return .refused(url: url, status: 404, messages: messages)
    }
    switch errand.item {
    case _ where messages.contains { $0.code == "NAME_UNKNOWN" }, .none where errand.action != .push:
      return .repositoryNotFound(host: host, repository: repository, messages: messages)
    case .manifest(let identifier) where errand.action == .pull:
      return .manifestNotFound(
        host: host, repository: repository, identifier: identifier, messages: messages)
    case .blob(let digest) where errand.action == .pull:
      return .blobNotFound(host: host, repository: repository, digest: digest)
    default: return .refused(url: url, status: 404, messages: messages)
    }
  }

  /// What Go's server and nginx say to plain HTTP on their TLS port.
  private static func speaksOfTLS(_ message: RegistryMessage) -> Bool {
    let text = message.message.lowercased()
    return text.contains("http request to an https server")
      || text.contains("plain http request was sent to https port")
  }
}
