import Images
import NVIDIA
import Registry
import Transfers

/// The words for repositories and names at a destination that are refused, all at once.
enum RefusalText {
  /// A refused repository, with what may help.
  static func text(for refusal: RepositoryRefusal) -> ErrorText {
    if refusal.isMissing { return CreationText.text(for: [refusal]) }
    let text = ErrorText(refusal.error)
    let remedies =
      refusal.remedies.map(words)
      + (refusal.creation.map { ["If it does not exist, create it: \(CreationText.command(for: $0))"] } ?? [])
    return ErrorText(
      text.summary, remedy: remedies.isEmpty ? text.remedy : remedies.joined(separator: "\n"), text.status)
  }

  /// All refused repositories at once, and all that may help.
  static func text(for refusals: [RepositoryRefusal]) -> ErrorText {
    let missing = refusals.filter(\.isMissing)
    if !missing.isEmpty {
      let first = CreationText.text(for: missing)
      guard missing.count < refusals.count else { return first }
      let others = text(for: refusals.filter { !$0.isMissing })
      return ErrorText(
        [first.summary, others.summary].joined(separator: "\n"),
        remedy: [first.remedy, others.remedy].compactMap(\.self).joined(separator: "\n"),
        refusals[0].isMissing ? first.status : others.status)
    }
    let texts = refusals.map { text(for: $0) }
    guard texts.count > 1, let first = texts.first else {
      return texts.first ?? ErrorText("a repository may not be pushed to", .permissionDenied)
    }
    var remedies: [Wording] = []
    for remedy in texts.compactMap(\.remedy).flatMap(\.lines)
    where !remedies.contains(remedy) { remedies.append(remedy) }
    let lines = zip(refusals, texts).map { refusal, text -> Wording in
      if case RegistryError.denied(_, _, _, let messages) = refusal.error {
        return "  \(refusal.repository)\(messages.said)"
      }
      return "  \(refusal.repository): \(text.summary)"
    }
    return ErrorText(
      (["\(texts.count) repositories may not be pushed to:"] + lines).joined(separator: "\n"),
      remedy: remedies.isEmpty ? nil : remedies.joined(separator: "\n"), first.status)
  }

  /// A manifest of a type that nobody may know there.
  static func text(for type: MediaType, of target: Reference, _ cause: any Error) -> ErrorText {
    ErrorText(
      "the registry did not take \(target), which has a manifest of the type '\(type.rawValue)': "
        + ErrorText(cause).summary,
      remedy: "Ask its administrator to allow that type, or choose the others with --image.",
      .destinationConflict)
  }

  /// A manifest with layers that need not be at a registry, and are not in the archive.
  static func text(forForeign layers: Int, of target: Reference, _ cause: any Error) -> ErrorText {
    ErrorText(
      "the registry did not take \(target), which leaves \(Amounts.count(layers, "layer")) to other servers (urls): "
        + ErrorText(cause).summary,
      remedy:
        "Ask its administrator to allow such urls (of docker's registry: validation.manifests.urls.allow), "
        + "or choose the others with --image.",
      .destinationConflict)
  }

  /// All names that NGC has no room for.
  static func text(for misfits: [MisfitName]) -> ErrorText {
    let lines: [Wording] = misfits.map {
      "\($0.source) would become \($0.target), \(words(for: $0.problem))"
    }
    return ErrorText(
      lines.count == 1
        ? lines[0]
        : (["\(lines.count) images would get names that NGC cannot have:"] + lines.map { "  \($0)" })
          .joined(separator: "\n"),
      remedy: "Give other names with --map, or name an organisation alone in --to.", .usage)
  }

  private static func words(for problem: NGCNameProblem) -> Wording {
    switch problem {
    case .notAName: "which is no repository name"
    case .withoutOrganization: "which lies in no organisation"
    case .tooDeep(let components):
      "which has \(components) components; NGC has organisation, team and image, no more"
    }
  }

  private static func words(for remedy: NGCRemedy) -> Wording {
    switch remedy {
    case .checkOrganization(let name):
      "Is '\(name)' the organisation's name as the NGC website shows it in the top right corner?"
    case .createTeam(let organization, let team):
      "Create the team '\(team)' in '\(organization)' on the NGC website and add the key's user to it first."
    case .enablePrivateRegistry: "Make the key with the service \"Private Registry\" included."
    case .renewPersonalKey: "Has the personal key expired? Make a new one on the NGC website."
    case .useNewestLegacyKey: "Making a new legacy key ends the one before: use the newest."
    case .useNGCKey: "The key looks like one for the DGX registry; import wants the NGC key."
    }
  }
}
