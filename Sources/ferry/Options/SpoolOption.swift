import ArgumentParser

/// What is done with an archive that cannot be read in place.
struct SpoolOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Copy an archive that comes through a pipe or is compressed into this directory first: whatever its "
        + "order, it can then be read. The copy has no name, and its space is free again when ferry ends.",
      valueName: "dir"),
    completion: .directory)
  var spool: String?
}
