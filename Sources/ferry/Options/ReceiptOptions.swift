import ArgumentParser
import Transfers

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
