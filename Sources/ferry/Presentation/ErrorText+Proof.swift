import Digests
import Transfers

extension ErrorText {
  /// What is said of signatures and receipts; other errors have their words elsewhere.
  init(proof error: TransferError) {
    switch error {
    case .unsigned(let path, let signature):
      self.init(
        "\(path) is not signed: there is no signature \(signature)",
        remedy:
          "Bring the signature that was made with it; that of an archive can be named with --signature.",
        .integrityFailure)
    case .signatureRefused(let path, let signature, let error):
      self.init(
        "\(path) is not signed as demanded: \(signature): \(Self.words(for: error))",
        remedy: "Do not use it before you know why. Ask whoever signed it for key and signature again.",
        .integrityFailure)
    case .signedOther(let path, let signature, let signed, let actual):
      self.init(
        "\(signature) signs the archive \(signed); \(path) is \(actual)",
        remedy: "Bring the signature and the archive that belong together.", .integrityFailure)
    case .malformedReceipt(let path, let why):
      self.init(
        "\(path) is no receipt: \(why)", remedy: "ferry import --receipt writes receipts.", .integrityFailure)
    case .unsupportedReceipt(let path, let version):
      self.init(
        "\(path) is a receipt of format \(version.prefix(20)), which this Ferry does not know",
        remedy: "Use the version of Ferry that wrote it, or a newer one.", .usage)
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }

  init(signing failure: SigningKeyFailure) {
    switch failure {
    case .unreadable(let path): self.init("cannot read \(path)", .notFound)
    case .refused(let path, .wrongPassword):
      self.init("the password does not open the secret key \(path)", .credentialsRefused)
    case .refused(let path, let error): self.init("\(path): \(Self.words(for: error))", .usage)
    case .noPassword(let path):
      self.init(
        "the secret key \(path) is locked, and there is no terminal to ask for its password",
        remedy: "Set FERRY_SIGN_PASSPHRASE, or use a key without password (minisign -G -W).",
        .credentialsRefused)
    }
  }

  static func words(for error: SignatureError) -> Wording {
    switch error {
    case .malformedSignature(let why): "\(why)"
    case .malformedPublicKey: "it is no minisign public key"
    case .malformedSecretKey: "it is no minisign secret key"
    case .costlyPassword(let memory):
      "its password costs \(Amounts.bytes(Int64(clamping: memory))) of memory, which is not to be had"
    case .slowPassword: "its password is made to cost minutes; make a key with minisign -G"
    case .wrongPassword: "the password is wrong"
    case .otherKey(let expected, let actual): "it was made with the key \(actual), not with \(expected)"
    case .invalid: "the signature is not over this content"
    case .alteredComment: "its trusted comment was altered"
    }
  }
}
