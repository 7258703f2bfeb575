import ArgumentParser
import Digests
import Images
import Transfers

/// Of which images a check is.
struct CheckedImageOptions: ParsableArguments {
  @Option(
    name: [.customShort("f"), .long],
    help: ArgumentHelp(
      "Every image of this list must be there, one a line, # for comments, as ferry list prints them; - reads "
        + "standard input. Repeatable.",
      valueName: "file"),
    completion: .file())
  var fromFile: [String] = []

  @Option(
    help: ArgumentHelp(
      "Check only images whose name, with or without host and tag, or whose digest matches this glob. Repeatable.",
      valueName: "ref"))
  var image: [String] = []

  @Flag(
    name: .customLong("no-new"),
    help: "Do not look for tags and repositories that are at the source and not in the archives.")
  var leavesNew = false

  @Flag(
    name: .customLong("no-referrers"),
    help: "Leave the signatures, SBOMs and attestations that the archives carry with their images.")
  var leavesReferrers = false

  func validate() throws {
    if fromFile.count(where: { $0 == "-" }) > 1 { throw ValidationError("-f - can be read once.") }
    if !fromFile.isEmpty, !image.isEmpty { throw ValidationError("-f and --image exclude each other.") }
  }

  /// The images that must be there; nil where no list was given.
  func list() throws -> ListedReferences? { try ImageList.references(in: fromFile) }
}

/// With which destination a check compares, and how.
struct CheckedDestinationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Compare with this destination, by the names that ferry import --to gives; without it with the source.",
      valueName: "registry/org[/team]"))
  var to: String?

  /// Those of the import.
  @OptionGroup var rules: NameRuleOptions

  @Option(
    help: ArgumentHelp(
      "The name below --to of the image that has none of its own.", valueName: "repository[:tag]"))
  var `as`: String?

  @Option(
    help: ArgumentHelp(
      "Look only at this platform of multi-platform images, such as linux/amd64: no more has to be whole. Repeatable. "
        + "With one platform, its manifest may stand under the tag in its index's place.",
      valueName: "os/arch"),
    transform: PlatformArgument.parse)
  var platform: [Platform] = []

  @Option(
    defaultAsFlag: ReadBackArgument.everything, parsing: .next,
    help: ArgumentHelp(
      "Also fetch the blobs that are there and hash them, storing nothing. Without a value: all of them; or a random "
        + "sample of a share (5%) or an amount (20G), or one of several parts that are everything together (1/7).",
      valueName: "5%|20G|1/7"))
  var readBack: ReadBackArgument?

  @Option(
    help: ArgumentHelp(
      "Write a receipt of what is there to this file, as an import would; only when all is right.",
      valueName: "file"), completion: .file())
  var receipt: String?

  @Option(
    help: ArgumentHelp(
      "Note what was read back in this file, for the next run when this one is broken off; by default beside the "
        + "archive. It may be new, empty or such a journal of ferry's.", valueName: "file"),
    completion: .file())
  var journal: String?

  @OptionGroup var switching: SwitchOverOption

  func validate() throws {
    if to == "" { throw ValidationError("--to needs a registry, such as registry.example/team.") }
    if case .impossible(let text) = readBack {
      throw ValidationError(
        "--read-back \(text) is no share: more than 0 % and at most 100 %, or a part such as 1/7.")
    }
    if case .unclear(let text) = readBack {
      throw ValidationError("--read-back \(text) may mean anything: \(text)%, \(text)G or 1/\(text)?")
    }
    if !platform.isEmpty, switching.switchOver != nil {
      throw ValidationError("--platform looks at parts of images, and --switch-over names whole ones.")
    }
    guard to == nil else {
      if journal != nil, scope == nil { throw ValidationError("--journal is for --read-back.") }
      return
    }
    let given = [
      ("--map", !rules.map.isEmpty), ("--map-file", rules.mapFile != nil),
      ("--keep-path", rules.keepPath), ("--as", `as` != nil),
      ("--platform", !platform.isEmpty), ("--read-back", scope != nil), ("--receipt", receipt != nil),
      ("--journal", journal != nil), ("--switch-over", switching.switchOver != nil),
    ]
    if let (option, _) = given.first(where: \.1) {
      throw ValidationError("\(option) speaks of a destination; name it with --to.")
    }
  }

  /// How much is read back; nil when nothing is.
  var scope: ReadBackScope? { readBack?.scope }

  /// An archive that stands behind `--read-back`, which then has no value.
  var archiveBehind: String? { if case .file(let path) = readBack { path } else { nil } }
}

/// What stands behind `--read-back`: how much, or else what the parser takes for that.
enum ReadBackArgument: ExpressibleByArgument, CustomStringConvertible, Sendable {
  case scope(ReadBackScope)
  case file(String)
  /// A bare number.
  case unclear(String)
  /// A percentage or a part that there is not.
  case impossible(String)

  static let everything = ReadBackArgument.scope(.everything)

  init(argument text: String) {
    if let scope = Self.scope(of: text) {
      self = .scope(scope)
    } else if Self.isNumber(text) {
      self = .unclear(text)
    } else if text.hasSuffix("%")
      || text.split(separator: "/").count == 2 && text.split(separator: "/").allSatisfy(Self.isNumber)
    {
      self = .impossible(text)
    } else {
      self = .file(text)
    }
  }

  private static func isNumber(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.allSatisfy { $0.isASCII && $0.isNumber }
  }

  private static func scope(of text: String) -> ReadBackScope? {
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), percent > 0, percent <= 100 else { return nil }
      return percent == 100 ? .everything : .percent(percent)
    }
    if let shard = Shard(text) { return .part(shard) }
    guard !text.allSatisfy(\.isNumber), let size = ByteSize(text), size.bytes > 0 else { return nil }
    return .bytes(size.bytes)
  }

  var scope: ReadBackScope {
    if case .scope(let scope) = self { scope } else { .everything }
  }

  /// Nothing: the parser would print it as a default, and the option's help says what stands for no value.
  var description: String { "" }
}

/// A list that archives are compared with, offline.
struct ListOption: ParsableArguments {
  @Option(
    name: .customLong("list"),
    help: ArgumentHelp(
      "Every image of this list must be in the archives, one a line, # for comments, as ferry list prints them; exits "
        + "4 when one is not. - reads standard input. Repeatable.", valueName: "file"),
    completion: .file())
  var lists: [String] = []

  func validate() throws {
    if lists.count(where: { $0 == "-" }) > 1 { throw ValidationError("--list - can be read once.") }
  }
}

extension ImageList {
  /// The images of the lists at `paths`; nil where there is none. Throws ``TransferError/nothingSelected`` for lists without
  /// an image, which would be found in any archive.
  static func references(in paths: [String]) throws -> ListedReferences? {
    guard !paths.isEmpty else { return nil }
    let list = try ListedReferences(paths.flatMap(read))
    guard !list.references.isEmpty else { throw TransferError.nothingSelected }
    return list
  }
}
