import ArgumentParser
import Images
import Transfers

/// Where images are pushed, and under which names.
struct DestinationOptions: ParsableArguments {
  enum Existing: String, ExpressibleByArgument, CaseIterable {
    case stop, skip, overwrite

    fileprivate var tags: ExistingTags {
      switch self {
      case .stop: .stop
      case .skip: .skip
      case .overwrite: .overwrite
      }
    }
  }

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

  @Option(
    help: ArgumentHelp(
      """
      What to do with tags that exist with another image: stop before anything moves, skip them and push the others, or \
      overwrite. With skip each is named with both digests and in no receipt, and the exit status is 4, for not every \
      image is there; stop unless told otherwise.
      """, valueName: "stop|skip|overwrite"))
  var existing: Existing?

  @Flag(help: "Move tags that exist with other content: short for --existing overwrite.")
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

  var existingTags: ExistingTags { existing?.tags ?? (overwrite ? .overwrite : .stop) }

  func validate() throws {
    if overwrite, let existing, existing != .overwrite {
      throw ValidationError(
        "--overwrite moves tags that exist, and --existing \(existing.rawValue) does not: give one of them.")
    }
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

  @Flag(
    help: """
      Keep the whole path of a repository below --to, its first component too, where no --map rule matches: the host \
      alone gives way.
      """)
  var keepPath = false

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

  @OptionGroup var switching: SwitchOverOption
}

/// What is written for those who pull.
struct SwitchOverOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write into this directory what those who pull need to find the new names: for containerd, k3s and RKE2, OpenShift, "
        + "podman and CRI-O, kustomize, enroot and pyxis, and a script for sed. Only images that the registry confirmed are "
        + "named. Only what Ferry wrote there is replaced.", valueName: "dir"),
    completion: .directory)
  var switchOver: String?

  func validate() throws {
    if switchOver == "" { throw ValidationError("--switch-over needs the name of a directory.") }
  }

  /// One of the files, for ``SideFiles``.
  var written: SideFiles.Given { ("--switch-over", switchOver.map { $0 + "/names.tsv" }) }

  /// Makes sure that the directory can be written to, as far as that can be told before anything is asked; `hosts` are those
  /// of old names.
  func check(hosts: Set<String> = []) throws {
    if let switchOver { try SwitchOver.checkWritable(switchOver, hosts: hosts) }
  }

  /// The directory with these names; nil where none is asked for.
  func directory(_ names: @autoclosure () -> NameChanges, _ connection: ConnectionOptions) -> SwitchOver? {
    guard let switchOver else { return nil }
    return SwitchOver(
      names(), to: switchOver,
      MirrorConnection(
        isPlainHTTP: connection.plainHTTP, isUnverified: connection.insecureSkipVerify,
        hasOwnAuthority: connection.caFile != nil))
  }

  /// Says what a dry run would write.
  func plan(_ directory: SwitchOver?, _ console: Console) {
    guard let directory, let switchOver else { return }
    let files = Wording.list(directory.paths)
    console.say(
      "would write the new names of \(Amounts.count(directory.count, "image")) to \(switchOver): \(files)")
  }

  /// Writes the directory, unless there is nothing to tell, and says so. Throws `FileError`.
  func write(_ directory: SwitchOver?, _ console: Console) throws {
    guard let directory, let switchOver else { return }
    guard directory.count > 0 else {
      return console.complain("\(switchOver) was not written: no image with an old name is confirmed")
    }
    try directory.write()
    console.say("wrote the new names of \(Amounts.count(directory.count, "image")) to \(switchOver)")
    guard !directory.unconfirmed.isEmpty else { return }
    let names = Wording.list(Wording.few(directory.unconfirmed))
    console.complain("not named in \(switchOver), for they are not confirmed: \(names)")
  }
}
