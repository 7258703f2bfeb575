import ArgumentParser

/// What an import writes besides what it pushes.
struct ImportFileOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write a receipt to this file: each image's old and new name and the digest that the registry gave for "
        + "it. ferry verify --receipt reads it.", valueName: "file"), completion: .file())
  var receipt: String?

  @Option(
    help: ArgumentHelp(
      "Keep open uploads for the next run in this file; by default beside the archive. It may be new, empty or a "
        + "journal of ferry's.", valueName: "file"),
    completion: .file())
  var journal: String?

  @Option(
    help: ArgumentHelp(
      "Write the descriptions of the repositories imported into this directory, made printable. Only what an "
        + "import wrote is replaced, and no link below it followed.", valueName: "dir"),
    completion: .directory)
  var descriptions: String?
}
