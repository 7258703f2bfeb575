import Registry
import Transfers

/// The words for repositories that have to be made before anything can be pushed to them.
enum CreationText {
  /// The most repositories, and the most commands, that are shown.
  private static let most = 20

  /// All repositories that are not there, and what makes each.
  static func text(for missing: [RepositoryRefusal]) -> ErrorText {
    let commands = missing.compactMap(\.creation).reduce(into: [RepositoryCreation]()) { all, creation in
      if !all.contains(creation) { all.append(creation) }
    }
    let unknown = missing.count { $0.creation == nil }
    let lines = missing.prefix(most).map { "\($0.repository)\(said(of: $0))" as Wording }
    let summary: Wording =
      missing.count == 1
      ? "there is no repository \(lines[0]), and the registry makes none when something is pushed"
      : "\(missing.count) repositories are not there, and the registry makes none when something is pushed:\n"
        + indented(lines, of: missing.count)
    var remedies: [Wording] = []
    if !commands.isEmpty {
      remedies.append(
        commands.count == 1
          ? "Create it first: \(command(for: commands[0]))"
          : "Create them first:\n" + indented(commands.prefix(most).map(command), of: commands.count))
    }
    if unknown > 0 {
      remedies.append(
        "Create \(unknown == 1 ? "it" : "them") there first, or what \(unknown == 1 ? "it lies" : "they lie") in: a "
          + "project, a namespace.")
    }
    if max(commands.count, missing.count) > most {
      remedies.append("ferry import --dry-run --json has all of them, in missingRepositories.")
    }
    return ErrorText(summary, remedy: remedies.joined(separator: "\n"), .notFound)
  }

  private static func indented(_ lines: [Wording], of count: Int) -> Wording {
    let more: [Wording] = count > lines.count ? ["  and \(count - lines.count) more"] : []
    return (lines.map { "  " + $0 } + more).joined(separator: "\n")
  }

  private static func said(of refusal: RepositoryRefusal) -> Wording {
    guard case RegistryError.repositoryNotFound(_, _, let messages) = refusal.error else { return "" }
    return messages.said
  }

  /// What to type.
  static func command(for creation: RepositoryCreation) -> Wording {
    switch creation {
    case .ecr(let account, let region, let repository):
      .command([
        "aws", "ecr", "create-repository", "--registry-id", account, "--repository-name", repository,
        "--region",
        region,
      ])
    case .publicECR(let repository):
      // Its API is in this region alone.
      .command([
        "aws", "ecr-public", "create-repository", "--repository-name", repository, "--region", "us-east-1",
      ])
    case .artifactRegistry(let project, let location, let repository):
      .command([
        "gcloud", "artifacts", "repositories", "create", repository, "--repository-format=docker",
        "--location=\(location)", "--project=\(project)",
      ])
    case .harborProject(let registry, let project, let user):
      .command([
        "curl", "-u", user ?? "USER", "-H", "Content-Type: application/json", "-d",
        #"{"project_name":"\#(project)"}"#, "\(registry)/api/v2.0/projects",
      ])
    }
  }
}
