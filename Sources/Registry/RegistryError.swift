public import Digests
public import Images
public import Transport

/// Why a registry did not do what it was asked. Every text of the registry's in it is fit to be printed.
public enum RegistryError: Error, Hashable, Sendable {
  /// No answer came.
  case transport(TransportError)
  /// The registry or its token server refused who asks. `repository` is nil for the registry as a whole.
  case unauthorized(
    host: String, repository: String?, hadCredential: CredentialInHand, messages: [RegistryMessage])
  /// Who asks is known and may not do this.
  case denied(host: String, repository: String?, action: Action, messages: [RegistryMessage])
  case repositoryNotFound(host: String, repository: String, messages: [RegistryMessage])
  case manifestNotFound(host: String, repository: String, identifier: String, messages: [RegistryMessage])
  case blobNotFound(host: String, repository: String, digest: Digest)
  /// Everything else a registry says no with. The URL is redacted.
  case refused(url: String, status: Int, messages: [RegistryMessage])
  /// 429 or 5xx, still after all retries. The URL is redacted.
  case overwhelmed(url: String, status: Int, messages: [RegistryMessage])
  /// Plain HTTP was spoken to a port that wants TLS.
  case tlsExpected(host: String)
  /// What came, or what was about to be sent, is not what its digest says. `what` is the digest or tag
  /// asked for.
  case wrongContent(host: String, repository: String, what: String, DigestError)
  /// What came is not what its digest says, or no manifest, and its header `Content-Encoding` says that somebody on the
  /// way has changed its bytes; the encoding. `what` is the digest or tag asked for.
  case encodedContent(host: String, repository: String, what: String, encoding: String)
  case notAManifest(host: String, repository: String, identifier: String, ManifestError)
  /// A challenge names a token server that must not see credentials. The realm is redacted.
  case untrustedRealm(host: String, realm: String, RealmRefusal)
  /// A 401 without a challenge Ferry can answer.
  case noUsableChallenge(host: String, header: String)
  /// The registry asks nobody who comes, and an identity token can be shown to a token server alone: a list would be
  /// what strangers see.
  case credentialNotShown(host: String)
  /// A list of which `read` names came, and then no more though there may be more; why.
  indirect case listCutShort(host: String, List, read: Int, RegistryError)
  /// An answer that breaks the protocol. The URL is redacted.
  case malformedResponse(url: String, Breach)
  /// The registry stored other bytes than it was sent.
  case destinationDigestDiffers(repository: String, identifier: String, expected: Digest, actual: Digest)
  /// The registry said that it has taken a blob and does not have it, or has something else in its place
  /// (`isOther`).
  case blobNotKept(host: String, repository: String, digest: Digest, isOther: Bool)
  /// The registry said that it has taken a blob, and refuses to say whether it has it, or leads for it to where nobody gets; how.
  indirect case unconfirmedBlob(host: String, repository: String, digest: Digest, RegistryError)
  /// The registry wants what is uploaded to a repository sent to another host, which was not allowed.
  case uploadElsewhere(host: String, repository: String, target: String)
  /// The registry sends a request that changes something on to another host. The URL is redacted.
  case movedElsewhere(url: String, target: String)
  /// A list has entries beside its names that no reference can have: these, and so many more. What else it has was read.
  case unusableNames(host: String, List, [UnusableName], more: Int)
  /// The registry takes nothing, or not so much: 405, 413 or 507 to what would write. The URL is redacted.
  case writeRefused(url: String, status: Int, messages: [RegistryMessage])
  /// The registry has no room left, or none for this repository, by its own words.
  case quotaExceeded(host: String, repository: String, messages: [RegistryMessage])
  /// A manifest is larger than the registry, or a proxy before it, takes.
  case manifestTooLarge(host: String, repository: String, identifier: String, messages: [RegistryMessage])
  /// A tag, or a manifest by its digest, that is there is not written again: it is immutable or locked.
  case immutable(host: String, repository: String, identifier: String, messages: [RegistryMessage])
  /// The registry takes no manifests of this type: 415.
  case typeRefused(host: String, repository: String, type: MediaType, messages: [RegistryMessage])
  /// The registry takes nothing whose digest is by that algorithm.
  case algorithmRefused(
    host: String, repository: String, digest: Digest, status: Int, messages: [RegistryMessage])
  /// A host that makes no URL.
  case invalidHost(String)
  /// A repository, tag or digest that cannot stand in a path.
  case invalidName(String)

  /// What a registry lists in pages.
  public enum List: Hashable, Sendable {
    case catalog
    case tags(of: String)
    case referrers(of: Digest, in: String)
  }

  /// How an answer breaks the protocol.
  public enum Breach: Hashable, Sendable {
    /// A header that is missing, cannot be read, or says what cannot be.
    case header(String)
    /// A header that leads to another host.
    case leadsElsewhere(String, host: String)
    /// A list that is none, or has no end.
    case list
    /// A page of a list that leads on and has nothing new.
    case repeatedPage
    /// A list of more names than are read, or of longer ones; how many that are.
    case tooManyNames(Int)
    /// A list that leads from page to page, of which so many in a row had nothing.
    case emptyPages(Int)
    /// A list of which so few come in so long a time that it has no end.
    case slowList
    /// A token server's answer without a token.
    case token
    /// A token server's answer that leads elsewhere.
    case redirect
    /// The registry's root leads to another host, which gets no credential.
    case redirectedRoot
    /// A list comes from another host, to who has a credential that this one gets.
    case listElsewhere(host: String)
    /// An upload is said to be complete before its last byte was sent.
    case earlySuccess
    /// A body in an encoding that was not asked for, by its name.
    case encoding(String)
    /// A body that could not be read for a reason of its own.
    case content
    /// A blob is said to be mounted where no mount was asked for.
    case unaskedMount
  }

  /// What stands in a list where a name should.
  public enum UnusableName: Hashable, Sendable {
    /// Something else than text.
    case notText
    /// Fit to be printed, and cut.
    case text(String)
  }

  /// What was being done when it was denied.
  public enum Action: Hashable, Sendable { case list, pull, push }
}

extension RegistryError {
  /// What it means where `digest` was to be stored, which is by another algorithm than the one that all registries know: one
  /// that does not know it says that the digest is wrong, or that there is nothing under such an address.
  func refusing(_ digest: Digest, in repository: String, of host: String) -> RegistryError {
    guard digest.algorithm != .sha256 else { return self }
    switch self {
    case .refused(_, let status, let messages) where [400, 404, 405, 501].contains(status):
      let others = RegistryMessage.missingContent.union([
        "BLOB_UPLOAD_UNKNOWN", "NAME_INVALID", "NAME_UNKNOWN",
      ])
      guard !messages.contains(where: { others.contains($0.code) }) else { return self }
      return .algorithmRefused(
        host: host, repository: repository, digest: digest, status: status, messages: messages)
    case .blobNotKept(_, _, _, isOther: false):
      return .algorithmRefused(
        host: host, repository: repository, digest: digest, status: 201, messages: [])
    default: return self
    }
  }

  /// The same where `manifest` was to be stored. One of the usual algorithm may list what is not, and be refused for that, in words
  /// that speak of digests.
  func refusing(_ manifest: Manifest, in repository: String, of host: String) -> RegistryError {
    guard manifest.digest.algorithm == .sha256 else {
      return refusing(manifest.digest, in: repository, of: host)
    }
    let listed = manifest.blobs + manifest.children + [manifest.subject].compactMap(\.self)
    guard let other = listed.first(where: { $0.digest.algorithm != .sha256 }),
      case .refused(_, _, let messages) = self,
      messages.contains(where: { "\($0.code) \($0.message)".lowercased().contains("digest") })
    else { return self }
    return refusing(other.digest, in: repository, of: host)
  }

  /// What is said in answer to a manifest of which the registry does not find all that it lists; nil of any other error.
  public var complaintsOfMissingContent: [RegistryMessage]? {
    guard case .refused(_, let status, let messages) = self else { return nil }
    let isTold = messages.contains { RegistryMessage.missingContent.contains($0.code) }
    return isTold || status == 404 && !RegistryMessage.refusesBesides404(messages) ? messages : nil
  }
}

/// Carries what a caller's receiver or source threw through a transfer, so that it is not mistaken for the
/// registry's or the line's doing.
struct CallbackError: Error {
  let error: any Error
}
