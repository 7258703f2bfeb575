import Digests
import Images
import Transfers

/// The words for bytes that are not what a digest says.
extension DigestError: WordedError {
  var text: ErrorText { ErrorText(words, .integrityFailure) }

  var words: Wording {
    switch self {
    case .malformed(let text):
      DigestText.unknownAlgorithm(of: text).map { DigestError.unsupportedAlgorithm($0).words }
        ?? "'\(text)' is no digest"
    case .unsupportedAlgorithm(let name):
      "its digest is a \(name); Ferry computes \(DigestText.algorithms)"
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
    case .malformed(let fault): "the \(what) is malformed: \(fault.words)"
    case .ambiguous: "the manifest claims to be of two kinds at once, an image and an index for one"
    case .schema1:
      "it is a Docker schema 1 manifest, which cannot stand in an index or in another tool's archive"
    case .unknownType(let type): "'\(type)' is no manifest that Ferry knows"
    case .contradictoryType(let type, let header):
      "the manifest calls itself \(type), and the registry calls it \(header) in Content-Type"
    case .tooLarge(let size):
      "the \(what) has \(size) bytes, more than any that is read"
    case .wrongContent(let error): error.words
    }
  }
}

extension ManifestFault {
  var words: Wording {
    switch self {
    case .json(let fault): fault.words
    case .noContent: "it has neither layers nor manifests"
    case .noList: "the field 'manifests' is no list"
    case .mislabelled(let type): "it calls itself \(type) and is none"
    case .takenForManifest(let digest, let type):
      "its entry \(digest) has the type '\(type)', which some readers take for a manifest's"
    case .nestedTooDeeply: "its indexes nest too deeply"
    case .tooManyManifests(let limit): "it lists more than \(limit) manifests"
    case .manifestsTooLarge(let limit): "its manifests are larger than \(Amounts.bytes(limit)) together"
    case .tooManyValues(let limit):
      "its manifests have more than \(limit) fields and values together, and no image's do"
    case .partsTooLarge: "its parts add up to more than any registry holds"
    case .twoSizes(let digest, let first, let second):
      "it gives \(digest) two sizes, \(first) and \(second)"
    case .inexactNumber: "it holds a number that cannot be kept as it is"
    case .layersWithoutHistory: "it does not have an entry of the history for each layer"
    case .signatureUnreadable: "one of its signatures does not say what it is for"
    case .signaturesDisagree: "its signatures are for different content"
    case .signatureOfOtherContent: "its signature is for something else than it says"
    case .descriptionUnreadable: "what it says of a layer is not JSON"
    case .carriesOtherContent: "it does not agree with the Docker schema 1 manifest that it carries"
    case .namesOtherContent: "it does not name what the archive says it names"
    case .namesTooMuch(let limit): "it names more than \(limit) manifests and blobs"
    case .otherSize(let digest, let size, let actual):
      "it says that \(digest) has \(size) bytes, and the registry has \(actual)"
    case .convertedOtherwise: "it is not what becomes of the Docker schema 1 manifest that lies beside it"
    case .diffIDNotADigest(let layer):
      "the field 'rootfs.diff_ids[\(layer)]' is no digest that can be computed, so that its layer cannot be compared"
    }
  }
}

extension JSONFault {
  /// Where decoding failed and why.
  var words: Wording {
    switch self {
    case .notJSON: "it is not JSON"
    case .document(let fault): fault.words
    case .missing(let path): "the field '\(path)' is missing"
    case .empty(let path): "the field '\(path)' is empty"
    case .wrongType(let path): "the field '\(path)' has the wrong type"
    case .invalid(let path): "the field '\(path)' is invalid"
    case .notADigest(let path, let error): "the field '\(path)': \(error.words)"
    case .other: "it is not what it should be"
    }
  }
}

extension DocumentFault {
  fileprivate var words: Wording {
    switch self {
    case .malformed: "it is not JSON"
    case .surplus(let offset): "something follows behind the JSON, at byte \(offset)"
    case .repeatedKey(let path): "the field '\(path)' is there twice, and readers differ in which they take"
    case .twoSpellings(let path, let other):
      "the field '\(path)' is there as '\(other)' too, and readers differ in which they take"
    case .misspelled(let path, let meant):
      "the field '\(path)' is '\(meant)' to some readers and unknown to others"
    case .unreadableKey(let offset): "the name of a field is not text, at byte \(offset)"
    case .notWhole(let path): "the field '\(path)' is no whole number"
    case .tooDeep: "it nests too deeply"
    case .tooManyKeys: "it has more fields than any such document"
    case .tooManyValues(let limit): "it has more than \(limit) fields and values, and no such document has"
    case .textTooLong(let limit): "it has a text of more than \(Amounts.bytes(Int64(limit)))"
    }
  }
}

/// The words for signatures and keys that are not what they should be.
extension SignatureError: WordedError {
  var text: ErrorText { ErrorText(words, .integrityFailure) }

  var words: Wording {
    switch self {
    case .malformedSignature(let malformation): malformation.words
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

extension SignatureError.Malformation {
  fileprivate var words: Wording {
    switch self {
    case .lineCount: "it does not have the four lines of a minisign signature"
    case .noUntrustedComment: "it does not begin with an untrusted comment"
    case .noSignature: "it holds no Ed25519 signature"
    case .unknownAlgorithm: "its algorithm is unknown"
    case .noTrustedComment: "it has no trusted comment"
    }
  }
}

extension ReceiptFault {
  var words: Wording {
    switch self {
    case .tooLarge: "it is too large"
    case .otherReport: "it is another kind of report"
    case .document(let error): error.jsonFault.words
    }
  }
}

/// What is said of texts that are to be digests.
enum DigestText {
  /// The algorithms that Ferry computes.
  static let algorithms = Wording.list(Digest.Algorithm.allCases.map { "\($0.rawValue)" })

  /// The algorithm of what has the form of a digest, where it is none that Ferry computes.
  static func unknownAlgorithm(of text: String) -> String? {
    // `algorithm ":" encoded` of image-spec's descriptor.md. Written out: the one regular expression of the program would bring
    // the whole engine for them along.
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].count >= 32, parts[1].allSatisfy("0123456789abcdef".utf8.contains) else {
      return nil
    }
    let words = parts[0].split(omittingEmptySubsequences: false, whereSeparator: "+._-".utf8.contains)
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789".utf8
    guard words.allSatisfy({ !$0.isEmpty && $0.allSatisfy(letters.contains) }) else { return nil }
    let name = String(decoding: parts[0], as: UTF8.self)
    return Digest.Algorithm(rawValue: name) == nil ? name : nil
  }
}
