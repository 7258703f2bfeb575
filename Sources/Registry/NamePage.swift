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

  /// How many entries it has.
  var count: Int { names.count + unusable.count }

  /// Reads a page; nil when it is none: another document, or one without its list. `null` is an empty list, as
  /// some registries write it.
  init?(_ body: [UInt8], of kind: NameKind) {
    // A key that is there twice, or in two spellings, makes two lists; and an error is none.
    guard let document = try? DocumentShape.names.decode(Document.self, from: body), !document.hasErrors,
      let entries = document.lists[kind]
    else { return nil }
    names = entries.compactMap { entry in entry.text.flatMap { kind.isValid($0) ? $0 : nil } }
    unusable = entries.compactMap { entry in
      guard let text = entry.text else { return .notText }
      return kind.isValid(text) ? nil : .text(text.printedAsProse(limit: 128))
    }
    manifests = kind == .tags ? document.manifests?.mapValues(\.isTagged) : nil
  }

  private struct Document: Decodable {
    private enum BesideKey: String, CodingKey {
      case manifest
    }

    let lists: [NameKind: [Entry]]
    let manifests: [String: ListedManifest]?
    let hasErrors: Bool

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: NameKind.self)
      var lists: [NameKind: [Entry]] = [:]
      for kind in NameKind.allCases where container.contains(kind) {
        // What belongs to the other kind may be anything.
        guard let list = try? container.decodeIfPresent([Entry].self, forKey: kind) ?? [] else { continue }
        lists[kind] = list
      }
      self.lists = lists
      manifests = try? decoder.container(keyedBy: BesideKey.self).decodeIfPresent(
        [String: ListedManifest].self, forKey: .manifest)
      hasErrors = try !ErrorFields(from: decoder).isEmpty
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
