import FoundationEssentials
import Images

/// What a registry lists by name.
enum NameKind: String, CodingKey, CaseIterable, Sendable {
  case tags
  case repositories

  func isValid(_ name: String) -> Bool {
    switch self {
    case .tags: RepositoryName.isValidTag(name)
    case .repositories: RepositoryName.isValid(name)
    }
  }
}

/// One page of a list of names.
struct NamePage {
  /// In the registry's order.
  let names: [String]
  /// What stands in the list and names nothing that can be asked for.
  let unusable: [RegistryError.UnusableName]
  /// Whether a tag names it, for each manifest by its digest, where a list of tags has the manifests beside them, as those of
  /// Google's registries do; nil elsewhere.
  let manifests: [String: Bool]?

  /// Whether it has more entries than any list of names may have; those are not read.
  let isCut: Bool

  /// How many entries it has.
  var count: Int { names.count + unusable.count }

  /// Reads a page; nil when it is none: another document, or one without its list. `null` is an empty list, as
  /// some registries write it.
  init?(_ body: [UInt8], of kind: NameKind) {
    // A key that is there twice, or in two spellings, makes two lists; and an error is none.
    guard let document = try? DocumentShape.names.decode(Document.self, from: body), !document.hasErrors,
      let entries = document.lists[kind]
    else { return nil }
    names = entries.names
    unusable = entries.unusable
    isCut = entries.isCut
    manifests = kind == .tags ? document.manifests?.mapValues(\.isTagged) : nil
  }

  private struct Document: Decodable {
    private enum BesideKey: String, CodingKey {
      case manifest
    }

    let lists: [NameKind: Entries]
    let manifests: [String: ListedManifest]?
    let hasErrors: Bool

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: NameKind.self)
      var lists: [NameKind: Entries] = [:]
      for kind in NameKind.allCases where container.contains(kind) {
        if (try? container.decodeNil(forKey: kind)) == true {
          lists[kind] = Entries()
        } else if var list = try? container.nestedUnkeyedContainer(forKey: kind) {
          // What belongs to the other kind may be anything, and is not looked at.
          lists[kind] = try Entries(&list, of: kind)
        }
      }
      self.lists = lists
      manifests = try? decoder.container(keyedBy: BesideKey.self).decodeIfPresent(
        [String: ListedManifest].self, forKey: .manifest)
      hasErrors = try !ErrorFields(from: decoder).isEmpty
    }
  }

  /// The entries of a list, told apart as they are read: there may be hundreds of thousands.
  private struct Entries {
    private(set) var names: [String] = []
    private(set) var unusable: [RegistryError.UnusableName] = []
    private(set) var isCut = false

    init() {}

    init(_ list: inout any UnkeyedDecodingContainer, of kind: NameKind) throws {
      while !list.isAtEnd {
        let count = names.count + unusable.count
        guard count <= NameLimits.most else {
          isCut = true
          return
        }
        // Whoever has ended the command waits for no list.
        if count % 1024 == 0, Task.isCancelled { throw CancellationError() }
        guard let text = try list.decode(Entry.self).text else {
          unusable.append(.notText)
          continue
        }
        if kind.isValid(text) {
          names.append(text)
        } else {
          unusable.append(.text(text.printedAsProse(limit: 128)))
        }
      }
    }
  }

  private struct Entry: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
      text = try? decoder.singleValueContainer().decode(String.self)
    }
  }

  /// What such a list says of a manifest.
  private struct ListedManifest: Decodable {
    private enum CodingKeys: String, CodingKey {
      case tag
    }

    let isTagged: Bool

    init(from decoder: any Decoder) throws {
      let tags = try? decoder.container(keyedBy: CodingKeys.self).decode([Entry].self, forKey: .tag)
      isTagged = tags?.isEmpty == false
    }
  }
}

/// How much of a registry's list of names is read, over all its pages.
enum NameLimits {
  /// How many names: each is an image that is asked for, and costs some 400 bytes until the end.
  static let most = 131_072
  /// How long they are together, in bytes.
  static let mostBytes = 16 << 20
  /// How many pages without any entry may follow one another: some registries leave out of a page what is not for who asks.
  static let mostEmptyPages = 16
}

/// How fast a list comes. A registry may take a minute for a page; one that takes it for a name or two, page after page, has
/// no list.
struct ListPace {
  /// What a page costs at most, however long a registry had itself waited for before it answered.
  private static let longestPage = Duration.seconds(60)
  /// What is borne of any list, and for each entry besides.
  private static let patience = Duration.seconds(600)
  private static let patienceForEntry = Duration.seconds(1)

  private var spent = Duration.zero
  private var entries = 0

  /// Whether what came so far is worth the time that it took, with a page of so many new entries that took `time`.
  mutating func isBorne(_ count: Int, in time: Duration) -> Bool {
    spent += min(time, Self.longestPage)
    entries += count
    return spent <= Self.patience + Self.patienceForEntry * entries
  }
}

/// How registries cut their lists into pages.
///
/// A full page without a `Link` is not the last one everywhere: Nexus honours `n` and `last` and sends no `Link`,
/// and a registry may have a smaller page of its own than `n`. So a page of 25 names or more, which is less than
/// any registry's page, is asked on behind, by `last`. That is a question for each repository with so many tags: what
/// one repository shows of its pages says nothing of another, for a registry may be the front of several.
enum PageSize {
  /// How many names a page is asked to have.
  static let requested = 1000
  private static let smallest = 25

  /// Whether names may be missing behind a page of `count` that leads to no other.
  static func mayBeCut(_ count: Int) -> Bool { count >= smallest }
}
