import Images

/// The words for what is no name of an image, and no pattern for one.
extension ReferenceError: WordedError {
  var text: ErrorText {
    let form: Wording = "Write host/repository:tag, such as registry.example/team/app:1.0."
    switch self {
    case .empty: return ErrorText("an image reference is empty", remedy: form, .usage)
    case .missingHost(let text):
      return ErrorText(
        "'\(text)' names no registry host, and there is no default one",
        remedy: "Put the host first: registry.example/\(text), or docker.io/\(text) for Docker Hub.", .usage)
    case .invalidHost(let text, let host):
      return ErrorText("'\(host)' in '\(text)' is no host name", remedy: form, .usage)
    case .missingRepository(let text):
      return ErrorText("'\(text)' names a registry but no repository", remedy: form, .usage)
    case .invalidRepository(let text, let repository):
      return ErrorText(
        "'\(repository)' in '\(text)' is no repository name",
        remedy: "Repositories are lower-case letters and digits, joined by . _ - and /.", .usage)
    case .invalidTag(let text, let tag):
      return ErrorText("'\(tag)' in '\(text)' is no tag", remedy: form, .usage)
    case .invalidDigest(let text, let digest):
      if let algorithm = DigestText.unknownAlgorithm(of: digest) {
        return ErrorText(
          "the digest in '\(text)' is a \(algorithm), which Ferry cannot compute",
          remedy: "Name the image by a tag, or by a digest of \(DigestText.algorithms).", .usage)
      }
      return ErrorText(
        "'\(digest)' in '\(text)' is no digest",
        remedy: "A digest is sha256: and 64 hexadecimal digits, or sha512: and 128.",
        .usage)
    }
  }
}

extension MalformedGlob: WordedError {
  var text: ErrorText {
    ErrorText("'\(pattern)' is not a pattern: a bracket is open, or a range runs backwards", .usage)
  }
}
