import ArgumentParser
import Credentials
import Transfers

/// Who must have signed the archives that are read.
struct SignatureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Demand a minisign signature over the archive digest by this public key: its file, or the key itself "
        + "(RW…).", valueName: "file|RW…"),
    completion: .file())
  var publicKey: String?

  @Option(
    help: ArgumentHelp(
      "Where the signature is; by default in ARCHIVE.digest.minisig.", valueName: "file"),
    completion: .file())
  var signature: String?

  func validate() throws {
    if signature != nil, publicKey == nil {
      throw ValidationError("--signature needs --public-key, by which it is checked.")
    }
  }

  /// Checks the options against the archives they speak of.
  func validate(for archives: [String]) throws {
    if signature != nil, archives.count > 1 { throw ValidationError("--signature speaks of one archive.") }
    if publicKey != nil, signature == nil, archives.contains("-") {
      throw ValidationError(
        "The signature of standard input has no place of its own; name it with --signature.")
    }
  }

  /// What is demanded; nil when nothing is. Throws ``FerryError``.
  func demand() throws -> SignatureDemand? {
    try publicKey.map { SignatureDemand(try KeyFiles.publicKey($0), path: signature) }
  }
}

/// Who signs what is written.
struct SigningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sign what is written, an archive or a receipt, with this minisign secret key. A password is asked for at the terminal, or taken from "
        + "\(EnvironmentVariable.signPassphrase).", valueName: "file"),
    completion: .file())
  var signKey: String?

  func validate() throws {
    if signKey == "-" { throw ValidationError("--sign-key takes a file.") }
  }
}
