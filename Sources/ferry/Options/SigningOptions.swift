import ArgumentParser

/// Who signs what is written.
struct SigningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Sign what is written, an archive or a receipt, with this minisign secret key. A password is asked for at the terminal, or taken from "
        + "FERRY_SIGN_PASSPHRASE.", valueName: "file"),
    completion: .file())
  var signKey: String?

  func validate() throws {
    if signKey == "-" { throw ValidationError("--sign-key takes a file.") }
  }
}
