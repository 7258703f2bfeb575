import Digests
import Images

extension ErrorText {
  init(reference error: ReferenceError) {
    let form: Wording = "Write host/repository:tag, such as registry.example/team/app:1.0."
    switch error {
    case .empty: self.init("an image reference is empty", remedy: form, .usage)
    case .missingHost(let text):
      self.init(
        "'\(text)' names no registry host, and there is no default one",
        remedy: "Put the host first: registry.example/\(text), or docker.io/\(text) for Docker Hub.", .usage)
    case .invalidHost(let text, let host):
      self.init("'\(host)' in '\(text)' is no host name", remedy: form, .usage)
    case .missingRepository(let text):
      self.init("'\(text)' names a registry but no repository", remedy: form, .usage)
    case .invalidRepository(let text, let repository):
      self.init(
        "'\(repository)' in '\(text)' is no repository name",
        remedy: "Repositories are lower-case letters and digits, joined by . _ - and /.", .usage)
    case .invalidTag(let text, let tag):
      self.init("'\(tag)' in '\(text)' is no tag", remedy: form, .usage)
    case .invalidDigest(let text, let digest):
      self.init(
        "'\(digest)' in '\(text)' is no digest", remedy: "A digest is sha256: and 64 hexadecimal digits.",
        .usage)
    }
  }

  /// `what` it was to be.
  static func words(for error: ManifestError, of what: String = "manifest") -> Wording {
    switch error {
    case .malformed(let reason): "the \(what) is malformed: \(reason)"
    case .ambiguous: "the manifest claims to be of two kinds at once, an image and an index for one"
    case .schema1: "it is a Docker schema 1 image, whose digests do not survive a copy"
    case .unknownType(let type): "'\(type)' is no manifest that Ferry knows"
    case .tooLarge(let size):
      "the \(what) has \(size) bytes, more than any that is read"
    case .wrongContent(let error): words(for: error)
    }
  }

  static func words(for error: DigestError) -> Wording {
    switch error {
    case .malformed(let text): "'\(text)' is no digest"
    case .unsupportedAlgorithm(let name): "its digest is a \(name); Ferry proves sha256 only"
    case .short(let expected, let received): "\(received) bytes instead of \(expected)"
    case .long(let expected): "more than the \(expected) bytes it should have"
    case .mismatch(let expected, let actual): "the bytes hash to \(actual) instead of \(expected)"
    }
  }
}
