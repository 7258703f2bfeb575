import ArgumentParser
import Images
import Transfers

/// Where images are pushed, and under which names.
struct DestinationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The registry and namespace to push below.", valueName: "registry/org[/team]"))
  var to: String

  @OptionGroup var rules: NameRuleOptions

  @Option(
    help: ArgumentHelp(
      """
      Name the image that has no name of its own: where it goes below --to. Without a tag its own tag stays, \
      and so several images that have nothing but their tags can be named at once.
      """, valueName: "repository[:tag]"))
  var `as`: String?

  @Flag(help: "Move tags that exist with other content.")
  var overwrite = false

  @Flag(
    help: """
      Take an image for there when its tag is there with its digest, without asking for what lies below it: \
      quicker, and no proof. Such images are in no receipt.
      """)
  var trustTags = false

  @Option(
    help: ArgumentHelp(
      """
      Let the registry have what is uploaded sent to this host as well, which gets the bytes of layers and no \
      credentials. Repeatable; without it such an upload is refused, and names the host.
      """, valueName: "host[:port]"))
  var uploadHost: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      For how long the registry is asked again for what it has taken and does not show yet, before it is judged; 30s \
      unless told otherwise.
      """, valueName: "duration"),
    transform: TimeSpan.parse)
  var settle = TimeSpan(seconds: 30)

  func validate() throws {
    guard settle.seconds <= 86_400 else { throw ValidationError("--settle takes at most 1 day.") }
    if to.isEmpty { throw ValidationError("--to needs a registry, such as registry.example/team.") }
    for host in uploadHost {
      guard let place = try? RegistryLocation("\(host)/x"), place.path == "x" else {
        throw ValidationError("--upload-host takes a host, such as storage.example or storage.example:8443.")
      }
    }
  }
}

/// An import's rules for names.
struct NameRuleOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Place repositories that match the pattern under another name. Repeatable.",
      valueName: "pattern=replacement"))
  var map: [String] = []

  @Option(
    help: ArgumentHelp("Read --map rules from this file, one a line, # for comments.", valueName: "file"),
    completion: .file())
  var mapFile: String?

  /// The rules in their order. Throws for a file that cannot be read, and ``TransferError/malformedRule(_:)``.
  func read() throws -> [MappingRule] {
    try (map + (mapFile.map(ImageList.read) ?? [])).map { try MappingRule($0) }
  }
}

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
