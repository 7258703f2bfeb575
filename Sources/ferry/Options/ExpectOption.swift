import ArgumentParser
import Digests

/// Which archive it must be.
struct ExpectOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The archive digest that export printed; any other archive is refused.",
      valueName: "sha256:…"),
    transform: DigestArgument.parse)
  var expect: Digest?
}
