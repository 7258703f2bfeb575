/// What may help someone whom NGC refuses.
public enum NGCRemedy: Hashable, Sendable {
  /// The organisation's name must be the one shown in the NGC website's top right corner.
  case checkOrganization(String)
  /// The team must be created first, and the user added to it.
  case createTeam(organization: String, team: String)
  /// The key must include the "Private Registry" service.
  case enablePrivateRegistry
  /// A personal key ends on its day: make a new one.
  case renewPersonalKey
  /// Making a new legacy key ends the one before: use the newest.
  case useNewestLegacyKey
  /// The key looks like one for the DGX registry.
  case useNGCKey

  /// What to try when NGC accepts no key of this `shape`, the likeliest first.
  public static func forRefusedKey(_ shape: KeyShape) -> [Self] {
    switch shape {
    case .nvapi: [.renewPersonalKey, .enablePrivateRegistry]
    case .ngcLegacy: [.useNewestLegacyKey]
    case .dgx: [.useNGCKey, .useNewestLegacyKey]
    case .unknown: [.renewPersonalKey, .useNewestLegacyKey, .enablePrivateRegistry]
    }
  }

  /// What to try when NGC accepts the key and yet denies `repository`, the likeliest first.
  public static func forDeniedRepository(_ repository: String, key shape: KeyShape) -> [Self] {
    var remedies: [Self] = shape == .dgx ? [.useNGCKey] : []
    if let organization = repository.split(separator: "/").first {
      remedies.append(.checkOrganization(String(organization)))
    }
    if let (organization, team) = NGCRules.team(of: repository) {
      remedies.append(.createTeam(organization: organization, team: team))
    }
    // Legacy keys stand for their user and have no services.
    if shape == .nvapi || shape == .unknown { remedies.append(.enablePrivateRegistry) }
    return remedies
  }
}
