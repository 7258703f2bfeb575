/// How one registry is spoken to.
public struct RegistryConfiguration: Sendable {
  /// Whether it is spoken to without TLS.
  public var plainHTTP: Bool
  /// nil asks anonymously.
  public var credential: Credential?
  public var realmRules: RealmRules
  public var uploads = UploadSizes()

  public init(plainHTTP: Bool = false, credential: Credential? = nil, realmRules: RealmRules = RealmRules()) {
    self.plainHTTP = plainHTTP
    self.credential = credential
    self.realmRules = realmRules
  }
}
