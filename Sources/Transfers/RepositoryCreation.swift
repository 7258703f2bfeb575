public import Registry

/// What makes a repository at a registry that makes none when something is pushed, where the registry is known: by its
/// host's name, or by its words.
public enum RepositoryCreation: Hashable, Sendable {
  /// Amazon's: an account's registry in a region.
  case ecr(account: String, region: String, repository: String)
  /// Amazon's public gallery, below the alias that a login has.
  case publicECR(repository: String)
  /// Google's: what is made is the second component, and images lie below it.
  case artifactRegistry(project: String, location: String, repository: String)
  /// Harbor's: what is made is the first component, by a request to `registry`, a URL, as `user`.
  case harborProject(registry: String, project: String, user: String?)

  /// For `repository` of `host`, of which the registry said `messages`; nil where it is not known what makes it.
  public init?(
    host: String, repository: String, messages: [RegistryMessage], plainHTTP: Bool = false,
    user: String? = nil
  ) {
    let name = String(host.prefix { $0 != ":" })
    let labels = name.split(separator: ".").map(String.init)
    let parts = repository.split(separator: "/").map(String.init)
    guard let first = parts.first else { return nil }
    if let (account, region) = Self.ecr(labels) {
      self = .ecr(account: account, region: region, repository: repository)
    } else if name == "public.ecr.aws", parts.count > 1 {
      self = .publicECR(repository: parts.dropFirst().joined(separator: "/"))
    } else if name.hasSuffix("-docker.pkg.dev") {
      // A project of a domain has that in its name.
      let project = first.contains(".") && parts.count > 1 ? "\(first):\(parts[1])" : first
      let rest = parts.dropFirst(first.contains(".") ? 2 : 1)
      guard let repository = rest.first else { return nil }
      let location = name.dropLast("-docker.pkg.dev".count)
      self = .artifactRegistry(project: project, location: String(location), repository: repository)
    } else if let location = Self.oldLocations[name] {
      let project = first.contains(".") && parts.count > 1 ? "\(first):\(parts[1])" : first
      self = .artifactRegistry(project: project, location: location, repository: name)
    } else if messages.contains(where: \.saysProjectIsMissing) {
      self = .harborProject(
        registry: "\(plainHTTP ? "http" : "https")://\(host)", project: first, user: user)
    } else {
      return nil
    }
  }

  /// The hosts of Google's older registry, each a repository of the newer one, and where that lies.
  private static let oldLocations = [
    "gcr.io": "us", "us.gcr.io": "us", "eu.gcr.io": "europe", "asia.gcr.io": "asia",
  ]

  /// Account and region of a host of Amazon's: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, with `-fips`, and those that
  /// IPv6 reaches too, `ACCOUNT.dkr-ecr.REGION.on.aws`.
  private static func ecr(_ labels: [String]) -> (account: String, region: String)? {
    guard let account = labels.first, account.count == 12, account.allSatisfy(\.isNumber) else { return nil }
    let rest = labels.dropFirst().joined(separator: ".")
    for prefix in ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."] where rest.hasPrefix(prefix) {
      for suffix in [".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".on.amazonwebservices.com.cn"]
      where rest.hasSuffix(suffix) && rest.utf8.count > prefix.utf8.count + suffix.utf8.count {
        let region = rest.dropFirst(prefix.count).dropLast(suffix.count)
        return region.contains(".") ? nil : (account, String(region))
      }
    }
    return nil
  }
}
