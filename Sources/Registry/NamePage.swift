import FoundationEssentials
import Images
import Synchronization

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
  /// Entries that are no names, fit to be printed.
  let unusable: [String]

  /// How many entries it has.
  var count: Int { names.count + unusable.count }

  /// Reads a page; nil when it is none: another document, or one without its list. `null` is an empty list, as
  /// some registries write it.
  init?(_ body: [UInt8], of kind: NameKind) {
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(body)),
      let entries = document.lists[kind]
    else { return nil }
    names = entries.compactMap { entry in entry.text.flatMap { kind.isValid($0) ? $0 : nil } }
    unusable = entries.compactMap { entry in
      guard let text = entry.text else { return "an entry that is no text" }
      return kind.isValid(text) ? nil : "name '\(text.printedAsProse(limit: 128))'"
    }
  }

  private struct Document: Decodable {
    let lists: [NameKind: [Entry]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: NameKind.self)
      var lists: [NameKind: [Entry]] = [:]
      for kind in NameKind.allCases where container.contains(kind) {
        // What belongs to the other kind may be anything.
        guard let list = try? container.decodeIfPresent([Entry].self, forKey: kind) ?? [] else { continue }
        lists[kind] = list
      }
      self.lists = lists
    }
  }

  private struct Entry: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
      text = try? decoder.singleValueContainer().decode(String.self)
    }
  }
}

/// What is known of how a registry cuts its lists into pages, for the rest of the run.
///
/// A full page without a `Link` is not the last one everywhere: Nexus honours `n` and `last` and sends no `Link`,
/// and a registry may have a smaller page of its own than `n`. So a page of 25 names or more, which is less than
/// any registry's page, is asked on behind, by `last`. What comes tells how much a page of this registry holds: a page
/// with fewer names is its last, and is believed. A large registry costs a handful of such questions, whatever the
/// number of its repositories.
final class PageHabits: Sendable {
  /// How many names a page is asked to have.
  static let requested = 1000
  private static let smallest = 25

  /// Pages with fewer names are the last ones.
  private let capacities = Mutex<[NameKind: Int]>([:])

  /// Whether names may be missing behind a page of `count` that leads to no other.
  func mayBeCut(_ count: Int, of kind: NameKind) -> Bool {
    // Exactly as many as were asked for are suspicious always.
    count == Self.requested || count >= capacities.withLock { max(Self.smallest, $0[kind] ?? 0) }
  }

  /// Notes that a page may hold `count` names: it was seen to.
  func noteCapacity(_ count: Int, of kind: NameKind) {
    capacities.withLock { $0[kind] = max($0[kind] ?? 0, count) }
  }

  /// Notes that the registry does not know `last`: what it does not lead to by `Link` it does not keep back.
  func noteUnpaged(_ kind: NameKind) {
    capacities.withLock { $0[kind] = .max }
  }
}
