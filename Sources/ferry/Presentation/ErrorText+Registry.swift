import Digests
import Images
import Registry

extension ErrorText {
  init(registry error: RegistryError) {
    switch error {
    case .transport(let error): self.init(transport: error)
    case .unauthorized(let host, let repository, let hadCredential, let messages):
      let place = repository.map { "\(host)/\($0)" } ?? host
      self.init(
        hadCredential
          ? "\(host) refuses the credentials\(repository.map { " for \($0)" } ?? "")\(Self.said(messages))"
          : "\(place) needs credentials, and none were found\(Self.said(messages))",
        remedy: hadCredential
          ? "Check that the key is this registry's, unexpired, and given to the right phase."
          : "Give --api-key-file or --username with --password-stdin, or log in with docker first.",
        .credentialsRefused)
    case .denied(let host, let repository, let action, let messages):
      let place = repository.map { "\(host)/\($0)" } ?? host
      self.init(
        "no permission to \(Self.verb(action)) \(place)\(Self.said(messages))",
        remedy: "Ask the registry's administrator for that right, or use another key.", .permissionDenied)
    case .repositoryNotFound(let host, let repository, let messages):
      self.init(
        "\(host) has no repository \(repository)\(Self.said(messages))",
        remedy: "ferry list \(host) shows what is there; some registries say this when a right is missing.",
        .notFound)
    case .manifestNotFound(let host, let repository, let identifier, let messages):
      self.init(
        "\(host)/\(repository) has no \(identifier)\(Self.said(messages))",
        remedy: "ferry list \(host)/\(repository) shows its tags.", .notFound)
    case .blobNotFound(let host, let repository, let digest):
      self.init(
        "\(host)/\(repository) lacks the blob \(digest) that its own manifest lists",
        remedy: "The image is damaged at its source; --keep-going exports the others.", .notFound)
    case .refused(let url, let status, let messages):
      let codes = Set(messages.map(\.code))
      let exit: ExitStatus =
        !codes.isDisjoint(with: ["DIGEST_INVALID", "SIZE_INVALID"])
        ? .integrityFailure
        : status == 404 && !RegistryMessage.refusesBesides404(messages) ? .notFound : .networkFailed
      self.init("the registry answers \(status)\(Self.said(messages)) (\(url))", exit)
    case .overwhelmed(let url, let status, let messages):
      self.init(
        "the registry still answers \(status) after all retries\(Self.said(messages)) (\(url))",
        remedy: "Wait and run the same command again, perhaps with fewer --jobs.", .networkFailed)
    case .tlsExpected(let host):
      self.init("\(host) speaks HTTPS, not plain HTTP", remedy: "Leave out --plain-http.", .networkFailed)
    case .wrongContent(let host, let repository, let what, let error):
      self.init(
        "\(what) of \(host)/\(repository) is not what its digest says: \(Self.words(for: error))",
        remedy: "Nothing of it was kept. If it happens again, the bytes are damaged where they come from.",
        .integrityFailure)
    case .notAManifest(let host, let repository, let identifier, .schema1):
      self.init(
        "\(host)/\(repository) \(identifier) is a Docker schema 1 image, which cannot be carried as it is",
        remedy:
          "Pull and push it once with a docker of version 1.10 to 25 to convert it; its digest changes.",
        .integrityFailure)
    case .notAManifest(let host, let repository, let identifier, let error):
      self.init("\(host)/\(repository) \(identifier): \(Self.words(for: error))", .integrityFailure)
    case .untrustedRealm(let host, let realm, let refusal):
      self.init(
        "\(host) asks to send credentials to \(realm), \(Self.words(for: refusal))",
        remedy: "They were not sent. Check that this is the registry you mean.", .credentialsRefused)
    case .noUsableChallenge(let host, let header):
      self.init(
        "\(host) wants a login of a kind that Ferry does not speak: \(header)", .credentialsRefused)
    case .credentialNotShown(let host):
      self.init(
        "\(host) does not ask who comes, so the identity token found for it cannot be shown, and what it lists "
          + "may be less than that token's owner would see",
        remedy: "Give a key instead: --api-key-file, or --username with --password-stdin.",
        .credentialsRefused)
    case .listCutShort(let host, let list, let read, let error):
      let cause = ErrorText(registry: error)
      self.init(
        "\(Self.name(of: list, at: host)) breaks off after \(Amounts.count(read, "name")): \(cause.summary)",
        remedy: "What would come next is not known: run the same command again, or name what is missing.",
        [.credentialsRefused, .permissionDenied].contains(cause.status) ? cause.status : .networkFailed)
    case .malformedResponse(let url, let breach):
      self.init(
        "the answer from \(url) breaks the protocol: \(Self.words(for: breach))",
        remedy: "Check that a registry answers there, and no portal or proxy.", .networkFailed)
    case .destinationDigestDiffers(let repository, let identifier, let expected, let actual):
      self.init(
        "the registry stored \(actual) for \(repository) \(identifier) instead of \(expected)",
        remedy: "It changes what it is given; the image is not the same there.", .integrityFailure)
    case .blobNotKept(let host, let repository, let digest, let isOther):
      self.init(
        isOther
          ? "\(host)/\(repository) has something of another size in place of the blob \(digest)"
          : "\(host) said that it has taken the blob \(digest), and \(repository) does not have it",
        remedy: isOther
          ? "It keeps what is damaged there: have it removed from the registry's storage, then run this again."
          : "Nothing that needs it was tagged. Check that a registry answers there, and no portal or proxy.",
        isOther ? .integrityFailure : .networkFailed)
    case .writeRefused(let url, let status, let messages):
      self.init(
        "the registry takes nothing there: it answers \(status)\(Self.said(messages)) (\(url))",
        remedy: status == 405
          ? "It may be read-only for now: ask its administrator."
          : "It, or what stands before it, has no room for so much: ask its administrator.", .cannotWrite)
    case .invalidHost(let host): self.init("'\(host)' is no host name", .usage)
    case .invalidName(let name): self.init("'\(name)' is no repository, tag or digest", .usage)
    case .malformedAuthFile(let reason): self.init("the auth file is malformed: \(reason)", .usage)
    case .malformedAuthEntry(let key):
      self.init("the auth file's entry '\(key)' holds no user and password", .usage)
    case .helperFailed(let name, let server, let failure):
      self.init(
        "docker-credential-\(name) gave no credentials for \(server): \(Self.words(for: failure))",
        remedy: "Run it by hand, or give the key by a flag or an environment variable.",
        .credentialsRefused)
    }
  }

  /// What the registry itself said, after a colon.
  static func said(_ messages: [RegistryMessage]) -> Wording {
    let texts = messages.prefix(3).map { message in
      [message.code, message.message, message.detail ?? ""].filter { !$0.isEmpty }.map(Wording.value)
        .joined(separator: ", ")
    }
    return texts.isEmpty ? "" : ": " + texts.joined(separator: "; ")
  }

  private static func name(of list: RegistryError.List, at host: String) -> Wording {
    switch list {
    case .catalog: "the catalog of \(host)"
    case .tags(let repository): "the list of tags of \(host)/\(repository)"
    case .referrers(let subject, let repository):
      "the list of what refers to \(subject.short) in \(host)/\(repository)"
    }
  }

  private static func verb(_ action: RegistryError.Action) -> Wording {
    switch action {
    case .list: "list"
    case .pull: "pull from"
    case .push: "push to"
    }
  }

  private static func words(for breach: RegistryError.Breach) -> Wording {
    switch breach {
    case .header(let name): "\(name)"
    case .list: "list"
    case .repeatedPage: "page that repeats what came before"
    case .unusableNames(let name, let more): words(for: name) + (more > 0 ? " and \(more) more" : "")
    case .token: "token"
    case .redirect: "redirect"
    case .redirectedRoot: "redirect to another host, which gets no credential"
    case .earlySuccess: "success before the last byte"
    case .unaskedMount: "mounted unasked"
    }
  }

  private static func words(for name: RegistryError.UnusableName) -> Wording {
    switch name {
    case .notText: "an entry that is no text"
    case .text(let text): "name '\(text)'"
    }
  }

  private static func words(for refusal: RealmRefusal) -> Wording {
    switch refusal {
    case .malformed: "which is no address"
    case .userInfo: "which carries a login"
    case .plainHTTP: "which is not HTTPS"
    case .loopback: "which is this machine"
    case .linkLocal: "which is an address of the local link"
    case .metadata: "which serves a cloud's metadata"
    case .unknownHost: "which is not one of NVIDIA's token servers"
    }
  }

  private static func words(for failure: CredentialHelperFailure) -> Wording {
    switch failure {
    case .invalidName: "its name is none of a program"
    case .notFound: "it is not in PATH"
    case .notStarted(let code): "it did not start (errno \(code))"
    case .timedOut(let limit): "it did not answer within \(limit.components.seconds) s"
    case .failed(let status, let message): "it exited with \(status)\(message.isEmpty ? "" : ", \(message)")"
    case .tooLong(let limit): "its answer is longer than \(limit) bytes"
    case .malformedReply: "its answer is not what the protocol asks for"
    case .cancelled: "it was interrupted"
    }
  }
}
