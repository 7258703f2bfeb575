import Digests
import Images
import Registry

/// The words for what registries refuse, lack or get wrong.
extension RegistryError: WordedError {
  var text: ErrorText {
    switch self {
    case .transport(let error): return error.text
    case .unauthorized(let host, let repository, .yes, let messages):
      return ErrorText(
        "\(host) refuses the credentials\(repository.map { " for \($0)" } ?? "")\(messages.said)",
        remedy: "Check that the key is this registry's, unexpired, and given to the right phase.",
        .credentialsRefused)
    case .unauthorized(let host, let repository, .no(let missed), let messages):
      let place = repository.map { "\(host)/\($0)" } ?? host
      let reasons = missed.map { "; \(CredentialText.words(for: $0))" as Wording }.joined(separator: "")
      return ErrorText(
        "\(place) needs credentials, and none were found\(messages.said)\(reasons)",
        remedy: missed.isEmpty
          ? "Give --api-key-file or --username with --password-stdin, or log in with docker first."
          : "Run the helper by hand, or give the key by a flag or an environment variable.",
        .credentialsRefused)
    case .denied(let host, let repository, let action, let messages):
      let place = repository.map { "\(host)/\($0)" } ?? host
      return ErrorText(
        "no permission to \(action.verb) \(place)\(messages.said)",
        remedy: "Ask the registry's administrator for that right, or use another key.", .permissionDenied)
    case .repositoryNotFound(let host, let repository, let messages):
      return ErrorText(
        "\(host) has no repository \(repository)\(messages.said)",
        remedy: "ferry list \(host) shows what is there; some registries say this when a right is missing.",
        .notFound)
    case .manifestNotFound(let host, let repository, let identifier, let messages):
      return ErrorText(
        "\(host)/\(repository) has no \(identifier)\(messages.said)",
        remedy: "ferry list \(host)/\(repository) shows its tags.", .notFound)
    case .blobNotFound(let host, let repository, let digest):
      return ErrorText(
        "\(host)/\(repository) lacks the blob \(digest) that its own manifest lists",
        remedy: "The image is damaged at its source; --keep-going exports the others.", .notFound)
    case .refused(let url, let status, let messages):
      let codes = Set(messages.map(\.code))
      let exit: ExitStatus =
        !codes.isDisjoint(with: ["DIGEST_INVALID", "SIZE_INVALID"])
        ? .integrityFailure
        : status == 404 && !RegistryMessage.refusesBesides404(messages) ? .notFound : .networkFailed
      return ErrorText("the registry answers \(status)\(messages.said) (\(url))", exit)
    case .overwhelmed(let url, let status, let messages):
      return ErrorText(
        "the registry still answers \(status) after all retries\(messages.said) (\(url))",
        remedy: "Wait and run the same command again, perhaps with fewer --jobs.", .networkFailed)
    case .tlsExpected(let host):
      return ErrorText(
        "\(host) speaks HTTPS, not plain HTTP", remedy: "Leave out --plain-http.", .networkFailed)
    case .wrongContent(let host, let repository, let what, let error):
      return ErrorText(
        "\(what) of \(host)/\(repository) is not what its digest says: \(error.words)",
        remedy: "Nothing of it was kept. If it happens again, the bytes are damaged where they come from.",
        .integrityFailure)
    case .encodedContent(let host, let repository, let what, let encoding):
      return ErrorText(
        "\(what) of \(host)/\(repository) comes with 'Content-Encoding: \(encoding)', and is not what its digest says",
        remedy:
          "Ferry asks for the bytes as they are (Accept-Encoding: identity), and somebody on the way encodes "
          + "them: have that turned off for /v2/, in a proxy before the registry or on this side.",
        .integrityFailure)
    case .notAManifest(let host, let repository, let identifier, .contradictoryType(let type, let header)):
      return ErrorText(
        "\(host)/\(repository) \(identifier): "
          + ManifestError.contradictoryType(type, header: header).words,
        remedy:
          "Other programs would take it for something else. Have it pushed there anew, with the type that it says.",
        .integrityFailure)
    case .notAManifest(let host, let repository, let identifier, .unknownType(let type)):
      return ErrorText(
        "\(host)/\(repository) \(identifier): " + ManifestError.unknownType(type).words,
        remedy: "It is no image of a kind that can be carried: leave it out.", .integrityFailure)
    case .notAManifest(let host, let repository, let identifier, let error):
      return ErrorText("\(host)/\(repository) \(identifier): \(error.words)", .integrityFailure)
    case .untrustedRealm(let host, let realm, let refusal):
      return ErrorText(
        "\(host) asks to send credentials to \(realm), \(refusal.words)",
        remedy: "They were not sent. Check that this is the registry you mean.", .credentialsRefused)
    case .noUsableChallenge(let host, let header):
      return ErrorText(
        "\(host) wants a login of a kind that Ferry does not speak: \(header)", .credentialsRefused)
    case .credentialNotShown(let host):
      return ErrorText(
        "\(host) does not ask who comes, so the identity token found for it cannot be shown, and what it lists "
          + "may be less than that token's owner would see",
        remedy: "Give a key instead: --api-key-file, or --username with --password-stdin.",
        .credentialsRefused)
    case .listCutShort(let host, let list, let read, let error):
      let cause = error.text
      return ErrorText(
        "\(list.name(at: host)) breaks off after \(Amounts.count(read, "name")): \(cause.summary)",
        remedy: error.isOfLength
          ? cause.remedy
          : "What would come next is not known: run the same command again, or name what is missing.",
        [.credentialsRefused, .permissionDenied].contains(cause.status) ? cause.status : .networkFailed)
    case .malformedResponse(let url, .tooManyNames(let most)):
      return ErrorText(
        "\(url) lists more than \(most) names, or longer ones than Ferry reads",
        remedy: "Name the images or repositories one by one, as with --from-file.", .networkFailed)
    case .malformedResponse(let url, let breach):
      return ErrorText(
        "the answer from \(url) breaks the protocol: \(breach.words)",
        remedy: "Check that a registry answers there, and no portal or proxy.", .networkFailed)
    case .unusableNames(let host, let list, let names, let more):
      let named = names.prefix(20).map(\.words)
      let rest = names.count - named.count + more
      return ErrorText(
        "\(list.name(at: host)) has what no reference can have: "
          + Wording.list(rest > 0 ? named + ["\(rest) more"] : named),
        remedy:
          "The others are taken. A tag may still be had by its exact name: ferry export HOST/REPOSITORY:TAG",
        .someFailed)
    case .uploadElsewhere(let host, let repository, let target):
      return ErrorText(
        "\(host) wants what is uploaded to \(repository) sent to \(target), another host",
        remedy:
          "Nothing was sent there. If layers may go to it, add --upload-host \(target): it gets no credentials.",
        .networkFailed)
    case .movedElsewhere(let url, let target):
      return ErrorText(
        "\(url) sends what is pushed on to \(target), another host, to which nothing was sent",
        remedy: "Push to \(target) itself, if that is the registry you mean.", .networkFailed)
    case .destinationDigestDiffers(let repository, let identifier, let expected, let actual):
      return ErrorText(
        "the registry stored \(actual) for \(repository) \(identifier) instead of \(expected)",
        remedy: "It changes what it is given; the image is not the same there.", .integrityFailure)
    case .blobNotKept(let host, let repository, let digest, let isOther):
      return ErrorText(
        isOther
          ? "\(host)/\(repository) has something of another size in place of the blob \(digest)"
          : "\(host) said that it has taken the blob \(digest), and \(repository) does not have it",
        remedy: isOther
          ? "It keeps what is damaged there: have it removed from the registry's storage, then run this again."
          : "Nothing that needs it was tagged. Check that a registry answers there, and no portal or proxy.",
        isOther ? .integrityFailure : .networkFailed)
    case .unconfirmedBlob(let host, let repository, let digest, let error):
      let cause = error.text
      let remedy =
        switch (error, cause.status) {
        case (.transport, _): "It leads elsewhere for it, to its storage: let this machine through to that"
        case (_, .credentialsRefused), (_, .permissionDenied):
          "Give a key that may pull there too, or the right to this one"
        default: "Have HEAD or GET of /v2/\(repository)/blobs/ let through, there or in a proxy before it"
        }
      return ErrorText(
        "\(host) has taken the blob \(digest) for \(repository), and does not say whether it has it: \(cause.summary)",
        remedy: "\(remedy); then run the same command again.",
        cause.status)
    case .writeRefused(let url, let status, let messages):
      let (what, remedy) = writeRefusal(status)
      return ErrorText("\(what): it answers \(status)\(messages.said) (\(url))", remedy: remedy, .cannotWrite)
    case .quotaExceeded(let host, let repository, let messages):
      return ErrorText(
        "\(host) has no room left for \(repository): a quota or its storage is used up\(messages.said)",
        remedy:
          "Free space there, or ask its administrator for a larger quota; then run the same command again.",
        .cannotWrite)
    case .manifestTooLarge(let host, let repository, let identifier, let messages):
      return ErrorText(
        "the manifest \(identifier) is too large for \(host)/\(repository)\(messages.said)",
        remedy:
          "Have the limit raised that the registry, or a proxy before it, sets for one request; a manifest may "
          + "have 4 MiB.", .cannotWrite)
    case .immutable(let host, let repository, let identifier, let messages):
      return ErrorText(
        "\(host)/\(repository) does not let \(identifier) be written again: its tags are immutable, or it is locked"
          + messages.said,
        remedy: "Give the image another name with --map or --as, or have that rule or lock taken off there.",
        .destinationConflict)
    case .typeRefused(let host, let repository, let type, let messages):
      return ErrorText(
        "\(host)/\(repository) takes no manifests of the type \(type.rawValue): it answers 415\(messages.said)",
        remedy: type.isDocker
          ? "Have Docker's types allowed there (zot: \"compat\": [\"docker2s2\"] in its http section), or the image "
            + "pushed in OCI's form at its source."
          : "Ask its administrator to allow that type, or choose the others with --image.",
        .destinationConflict)
    case .algorithmRefused(let host, let repository, let digest, let status, let messages):
      let name = digest.algorithm.rawValue
      let (place, what): (Wording, Wording) = ("\(host)/\(repository)", "\(digest), a \(name) and no sha256")
      return ErrorText(
        status == 201
          ? "\(place) said that it has taken \(what), and does not have it by that name"
          : "\(place) does not take \(what): it answers \(status)\(messages.said)",
        remedy:
          "Push the image to a registry that knows \(name), or have it made anew with sha256 alone; the others can be "
          + "chosen with --image.", .destinationConflict)
    case .invalidHost(let host): return ErrorText("'\(host)' is no host name", .usage)
    case .invalidName(let name): return ErrorText("'\(name)' is no repository, tag or digest", .usage)
    }
  }
}

extension RegistryError {
  /// What a refusal to write means by its status alone, and what to do.
  private func writeRefusal(_ status: Int) -> (Wording, Wording) {
    switch status {
    case 413:
      (
        "the registry takes nothing so large there",
        "Have the limit raised that the registry, or a proxy before it, sets for one request."
      )
    case 507:
      (
        "the registry takes nothing there, for it has no room",
        "It, or what stands before it, has no room for so much: ask its administrator."
      )
    default:
      ("the registry takes nothing there", "It may be read-only for now: ask its administrator.")
    }
  }
}

extension [RegistryMessage] {
  /// What the registry itself said, after a colon.
  var said: Wording {
    let texts = prefix(3).map { message in
      [message.code, message.message, message.detail ?? ""].filter { !$0.isEmpty }.map(Wording.value)
        .joined(separator: ", ")
    }.filter { !$0.isEmpty }
    return texts.isEmpty ? "" : ": " + texts.joined(separator: "; ")
  }
}

extension RegistryError.List {
  fileprivate func name(at host: String) -> Wording {
    switch self {
    case .catalog: "the catalog of \(host)"
    case .tags(let repository): "the list of tags of \(host)/\(repository)"
    case .referrers(let subject, let repository):
      "the list of what refers to \(subject.short) in \(host)/\(repository)"
    }
  }
}

extension RegistryError.Action {
  fileprivate var verb: Wording {
    switch self {
    case .list: "list"
    case .pull: "pull from"
    case .push: "push to"
    }
  }
}

extension RegistryError {
  /// Whether a list is longer than any that is read: it is no shorter the next time.
  fileprivate var isOfLength: Bool {
    if case .malformedResponse(_, .tooManyNames) = self { true } else { false }
  }
}

extension RegistryError.Breach {
  fileprivate var words: Wording {
    switch self {
    case .header(let name): "\(name)"
    case .leadsElsewhere(let name, let host): "\(name) leads to another host, \(host)"
    case .list: "list"
    case .repeatedPage: "page that repeats what came before"
    case .tooManyNames(let most): "a list of more than the \(most) names, or their bytes, that Ferry reads"
    case .emptyPages(let count): "\(count) pages without anything, one leading to the other"
    case .slowList: "a list that comes so slowly, page by page, that it has no end"
    case .token: "token"
    case .redirect: "redirect"
    case .redirectedRoot: "redirect to another host, which gets no credential"
    case .listElsewhere(let host): "list from another host, \(host), which gets no credential"
    case .earlySuccess: "success before the last byte"
    case .encoding(let name): "a body with 'Content-Encoding: \(name)', which was not asked for"
    case .content: "content"
    case .unaskedMount: "mounted unasked"
    }
  }
}

extension RegistryError.UnusableName {
  fileprivate var words: Wording {
    switch self {
    case .notText: "an entry that is no text"
    case .text(let text): "'\(text)'"
    }
  }
}

extension RealmRefusal {
  fileprivate var words: Wording {
    switch self {
    case .malformed: "which is no address"
    case .userInfo: "which carries a login"
    case .plainHTTP: "which is not HTTPS"
    case .loopback: "which is this machine"
    case .reserved: "which is no host's address"
    case .linkLocal: "which is an address of the local link"
    case .metadata: "which serves a cloud's metadata"
    case .unknownHost: "which is not one of NVIDIA's token servers"
    }
  }
}
