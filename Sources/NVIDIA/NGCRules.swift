import Images

/// What is known of the names NGC takes (`nvcr.io/<org>/[<team>/]<repo>`). It may well refuse more.
public enum NGCRules {
  /// Why NGC cannot have a repository of this name; nil when nothing known speaks against it.
  public static func problem(with repository: String) -> NGCNameProblem? {
    guard RepositoryName.isValid(repository) else { return .notAName }
    let components = repository.split(separator: "/").count
    return switch components {
    case 1: .withoutOrganization
    case 2, 3: nil
    default: .tooDeep(components: components)
    }
  }

  /// The team in the name of a repository; nil where it lies in the organisation itself.
  static func team(of repository: String) -> (organization: String, team: String)? {
    let parts = repository.split(separator: "/")
    return parts.count == 3 ? (String(parts[0]), String(parts[1])) : nil
  }

  /// Whether `text` can be an organisation, team or repository in a URL's path.
  static func isComponent(_ text: String) -> Bool {
    RepositoryName.isValid(text) && !text.contains("/")
  }
}

/// Why NGC cannot have a repository of some name.
public enum NGCNameProblem: Hashable, Sendable {
  /// No registry takes it (distribution-spec).
  case notAName
  /// One component: a repository lies in an organisation.
  case withoutOrganization
  /// More than organisation, team and repository.
  case tooDeep(components: Int)
}

/// The first component of a repository on the DGX registry: `<org>` or `<org>_<project>`
/// (DGX registry user guide).
public enum DGXSpace {
  /// Where `repository` goes under an NGC organisation by default: `<org>_<project>/<image>` becomes
  /// `<project>/<image>`, so that a project lands in the team of its name; `<org>/<image>` becomes
  /// `<image>`. The rule is ours: NVIDIA's guide names none.
  public static func nameOnNGC(for repository: String) -> String {
    guard let slash = repository.firstIndex(of: "/") else { return repository }
    let space = repository[..<slash]
    let rest = repository[repository.index(after: slash)...]
    guard let underscore = space.firstIndex(of: "_") else { return String(rest) }
    let project = space[space.index(after: underscore)...].drop { $0 == "_" }
    return project.isEmpty ? String(rest) : "\(project)/\(rest)"
  }
}

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
