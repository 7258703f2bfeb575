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
  public static func team(of repository: String) -> (organization: String, team: String)? {
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
