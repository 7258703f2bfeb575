import Digests

/// What a request is for: what it must be allowed, and what an error speaks of.
struct Errand: Sendable {
  enum Item: Hashable, Sendable {
    case none
    case manifest(String)
    case blob(Digest)
  }

  let repository: String?
  let item: Item
  let action: RegistryError.Action
  let scopes: [Scope]

  static let ping = Self(repository: nil, item: .none, action: .list, scopes: [])
  static let catalog = Self(repository: nil, item: .none, action: .list, scopes: [.catalog])

  static func listing(_ repository: String) -> Self {
    Self(repository: repository, item: .none, action: .list, scopes: [.pull(repository)])
  }

  static func pulling(_ item: Item, from repository: String) -> Self {
    Self(repository: repository, item: item, action: .pull, scopes: [.pull(repository)])
  }

  /// Reading from a repository that is about to be written to. Of one that does not exist yet, some registries
  /// let only those know who may make it (Quay).
  static func looking(for item: Item, in repository: String) -> Self {
    Self(repository: repository, item: item, action: .pull, scopes: [.push(repository)])
  }

  /// Writing to a repository, with leave to read `source` when a blob is to be mounted from there.
  static func pushing(_ item: Item, to repository: String, mountingFrom source: String? = nil) -> Self {
    Self(
      repository: repository, item: item, action: .push,
      scopes: [.push(repository)] + (source.map { [.pull($0)] } ?? []))
  }
}
