import NVIDIA
import Registry
import Transfers

extension ErrorText {
  init(nvidia error: NVIDIAError) {
    switch error {
    case .transport(let service, let error):
      let text = ErrorText(transport: error)
      self.init("\(Self.name(of: service)): \(text.summary)", remedy: text.remedy, text.status)
    case .unauthorized(let service, let url, let messages):
      self.init(
        "\(Self.name(of: service)) does not accept the key\(Self.said(messages)) (\(url))",
        remedy: "Check that the key is the one for this registry and has not been replaced by a newer one.",
        .credentialsRefused)
    case .denied(let service, let url, let messages):
      self.init(
        "\(Self.name(of: service)) does not show this to the key\(Self.said(messages)) (\(url))",
        .permissionDenied)
    case .notFound(let service, let url, let messages):
      self.init("\(Self.name(of: service)) has no such thing\(Self.said(messages)) (\(url))", .notFound)
    case .refused(let service, let url, let status, let messages):
      self.init("\(Self.name(of: service)) answers \(status)\(Self.said(messages)) (\(url))", .networkFailed)
    case .overwhelmed(let service, let url, let status):
      self.init(
        "\(Self.name(of: service)) still answers \(status) after all retries (\(url))",
        remedy: "Wait and run the same command again.", .networkFailed)
    case .redirected(let service, let url, let target):
      self.init(
        "\(Self.name(of: service)) redirects \(url)\(target.map { " to \($0)" } ?? ""); keys follow no redirect",
        .networkFailed)
    case .malformedResponse(let service, let url, let reason):
      self.init("the answer of \(Self.name(of: service)) cannot be read: \(reason) (\(url))", .networkFailed)
    case .noServiceAccepts(let refusals):
      let texts = refusals.map { ErrorText(nvidia: $0.error) }
      self.init(
        (["neither of NVIDIA's registries takes the key:"] + texts.map { "  \($0.summary)" })
          .joined(separator: "\n"),
        remedy: "Name the repositories yourself with -f if the key can pull and not list.",
        // The likelier service, asked first, may have been out of order: then nothing is known of the key.
        texts.first?.status == .networkFailed
          ? .networkFailed : texts.first { $0.status == .credentialsRefused }?.status ?? .permissionDenied)
    case .invalidRepository(let service, let name):
      self.init("'\(name)' cannot be a repository of \(Self.name(of: service))", .usage)
    case .invalidAddress(let address, let reason):
      self.init(
        "'\(address)' is no service address: \(reason)",
        remedy: "Check FERRY_DGX_API, FERRY_NGC_API and FERRY_NGC_AUTHN.", .usage)
    }
  }

  /// A refused repository, with what may help.
  init(refusal: RepositoryRefusal) {
    let text = ErrorText(refusal.error)
    let remedies = refusal.remedies.map(Self.words)
    self.init(
      text.summary, remedy: remedies.isEmpty ? text.remedy : remedies.joined(separator: "\n"), text.status)
  }

  /// All refused repositories at once, and all that may help.
  init(refusals: [RepositoryRefusal]) {
    let texts = refusals.map { ErrorText(refusal: $0) }
    guard texts.count > 1, let first = texts.first else {
      self = texts.first ?? ErrorText("a repository may not be pushed to", .permissionDenied)
      return
    }
    var remedies: [Wording] = []
    for remedy in texts.compactMap(\.remedy).flatMap(\.lines)
    where !remedies.contains(remedy) { remedies.append(remedy) }
    let lines = zip(refusals, texts).map { refusal, text -> Wording in
      if case RegistryError.denied(_, _, _, let messages) = refusal.error {
        return "  \(refusal.repository)\(Self.said(messages))"
      }
      return "  \(refusal.repository): \(text.summary)"
    }
    self.init(
      (["\(texts.count) repositories may not be pushed to:"] + lines).joined(separator: "\n"),
      remedy: remedies.isEmpty ? nil : remedies.joined(separator: "\n"), first.status)
  }

  /// All names that NGC has no room for.
  init(misfits: [MisfitName]) {
    let lines: [Wording] = misfits.map {
      "\($0.source) would become \($0.target), \(Self.words(for: $0.problem))"
    }
    self.init(
      lines.count == 1
        ? lines[0]
        : (["\(lines.count) images would get names that NGC cannot have:"] + lines.map { "  \($0)" })
          .joined(separator: "\n"),
      remedy: "Give other names with --map, or name an organisation alone in --to.", .usage)
  }

  private static func name(of service: NVIDIAService) -> Wording {
    switch service {
    case .dgx: "the DGX service"
    case .ngc: "the NGC service"
    }
  }

  static func words(for problem: NGCNameProblem) -> Wording {
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
