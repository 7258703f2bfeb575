import Digests
import Images

/// The words for bytes that are not what a digest says.
extension DigestError: WordedError {
  var text: ErrorText { ErrorText(words, .integrityFailure) }

  var words: Wording {
    switch self {
    case .malformed(let text): "'\(text)' is no digest"
    case .unsupportedAlgorithm(let name): "its digest is a \(name); Ferry proves sha256 only"
    case .short(let expected, let received): "\(received) bytes instead of \(expected)"
    case .long(let expected): "more than the \(expected) bytes it should have"
    case .mismatch(let expected, let actual): "the bytes hash to \(actual) instead of \(expected)"
    }
  }
}

/// The words for bytes that are no manifest, or another document that is none.
extension ManifestError: WordedError {
  var text: ErrorText { ErrorText(words, .integrityFailure) }

  var words: Wording { words(of: "manifest") }

  /// `what` it was to be.
  func words(of what: String) -> Wording {
    switch self {
    case .malformed(let reason): "the \(what) is malformed: \(reason)"
    case .ambiguous: "the manifest claims to be of two kinds at once, an image and an index for one"
    case .schema1: "it is a Docker schema 1 image, whose digests do not survive a copy"
    case .unknownType(let type): "'\(type)' is no manifest that Ferry knows"
    case .tooLarge(let size):
      "the \(what) has \(size) bytes, more than any that is read"
    case .wrongContent(let error): error.words
    }
  }
}

/// The words for signatures and keys that are not what they should be.
extension SignatureError: WordedError {
  var text: ErrorText { ErrorText(words, .integrityFailure) }

  var words: Wording {
    switch self {
    case .malformedSignature(let why): "\(why)"
    case .malformedPublicKey: "it is no minisign public key"
    case .malformedSecretKey: "it is no minisign secret key"
    case .costlyPassword(let memory):
      "its password costs \(Amounts.bytes(Int64(clamping: memory))) of memory, which is not to be had"
    case .slowPassword: "its password is made to cost minutes; make a key with minisign -G"
    case .wrongPassword: "the password is wrong"
    case .otherKey(let expected, let actual): "it was made with the key \(actual), not with \(expected)"
    case .legacyTooLong(let limit):
      "it is of minisign's old form, which is checked for files of up to \(Amounts.bytes(limit)); "
        + "sign with minisign 0.8 or newer, without -l"
    case .invalid: "the signature is not over this content"
    case .alteredComment: "its trusted comment was altered"
    }
  }
}
