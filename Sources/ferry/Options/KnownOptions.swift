import ArgumentParser
import Digests
import Transfers

/// What the other side has, and why that is to be believed.
struct KnownOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Leave out what the other side has already by this archive or this receipt of an import: configs and "
        + "layers that it holds. Manifests are carried all the same. What is left out by an archive is read in it "
        + "and hashed first. Repeatable.",
      valueName: "archive|receipt"),
    completion: .file())
  var skipKnown: [String] = []

  @Option(
    help: ArgumentHelp(
      "The archive digest of an archive that --skip-known names: any other is refused, and it is believed without "
        + "being read through. Repeatable.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var knownExpect: [Digest] = []

  @Option(
    help: ArgumentHelp(
      "Demand that the receipts that --skip-known names are signed by this minisign public key, in RECEIPT.minisig; an "
        + "archive with such a signature beside it is believed without being read through.",
      valueName: "file|RW…"),
    completion: .file())
  var knownPublicKey: String?

  func validate() throws {
    if skipKnown.contains("") { throw ValidationError("--skip-known needs a name.") }
    if skipKnown.isEmpty, !knownExpect.isEmpty || knownPublicKey != nil {
      throw ValidationError("--known-expect and --known-public-key speak of what --skip-known names.")
    }
  }

  /// Who must have signed what is named; nil when nobody must. Throws ``FerryError``.
  func demand() throws -> SignatureDemand? {
    try knownPublicKey.map { SignatureDemand(try KeyFiles.publicKey($0)) }
  }
}

/// What an archive is compared with: the receipts of imports.
struct ReceiptOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Tell of each image whether this receipt of an import says that it arrived; exits 4 when one did not. "
        + "Repeatable.", valueName: "file"),
    completion: .file())
  var receipt: [String] = []

  @Option(
    help: ArgumentHelp(
      "Demand that the receipts are signed by this minisign public key, in RECEIPT.minisig.",
      valueName: "file|RW…"),
    completion: .file())
  var receiptPublicKey: String?

  func validate() throws {
    if receiptPublicKey != nil, receipt.isEmpty {
      throw ValidationError("--receipt-public-key needs a --receipt to check.")
    }
  }

  /// The receipts, as far as they may be believed.
  func read() throws -> [Receipt] {
    let demand = try receiptPublicKey.map { SignatureDemand(try KeyFiles.publicKey($0)) }
    return try receipt.map { try Receipt.read(path: $0, demanding: demand) }
  }
}
