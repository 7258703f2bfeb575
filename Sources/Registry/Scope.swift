import Digests

/// What a token allows: actions on one resource, written `repository:team/app:pull,push`
/// (distribution, "Token Scope Documentation").
struct Scope: Hashable, Sendable {
  /// `repository` or `registry`, possibly with a class in parentheses.
  let type: String
  let name: String
  let actions: [String]

  init(type: String, name: String, actions: [String]) {
    self.type = type
    self.name = name
    self.actions = actions
  }

  /// Reading a repository.
  static func pull(_ repository: String) -> Self {
    Self(type: "repository", name: repository, actions: ["pull"])
  }

  /// Writing a repository. A push reads too.
  static func push(_ repository: String) -> Self {
    Self(type: "repository", name: repository, actions: ["pull", "push"])
  }

  /// Listing a registry's repositories.
  static let catalog = Self(type: "registry", name: "catalog", actions: ["*"])

  /// Parses one scope; nil when it is none. The name may hold colons, as in `host:5000/app`.
  init?(_ text: some StringProtocol) {
    let text = String(text)
    guard let first = text.firstIndex(of: ":"), let last = text.lastIndex(of: ":"), first < last else {
      return nil
    }
    let actions = text[text.index(after: last)...].split(separator: ",").map(String.init)
    let name = text[text.index(after: first)..<last]
    guard first > text.startIndex, !name.isEmpty, !actions.isEmpty else { return nil }
    self.init(type: String(text[..<first]), name: String(name), actions: actions)
  }

  /// What a token says of a scope.
  enum Word: Hashable, Sendable {
    case granted
    /// It speaks of the very resource, in words that are known, and allows less.
    case withheld
    /// It does not speak of it.
    case absent
    /// It speaks in words of its own: they are for its registry to read.
    case unclear
  }

  /// What `grants`, all that a token says of itself, mean for `self`.
  func word(of grants: [Scope]) -> Word {
    let own = grants.filter { $0.type == type && $0.name == name }
    if Scope(type: type, name: name, actions: own.flatMap(\.actions)).covers(self) { return .granted }
    if grants.contains(where: \.isOdd) { return .unclear }
    return own.isEmpty ? .absent : .withheld
  }

  private static let types: Set<String> = ["repository", "registry"]
  private static let knownActions: Set<String> = ["pull", "push", "delete", "*"]

  /// Whether it is written as distribution would not: with a pattern for a name, or with other words.
  private var isOdd: Bool {
    !Self.types.contains(type) || name.isEmpty || name.contains { "*?$^(|".contains($0) }
      || !Self.knownActions.isSuperset(of: actions)
  }

  /// Whether who holds `self` holds `other` as well.
  func covers(_ other: Scope) -> Bool {
    type == other.type && name == other.name
      && (actions.contains("*") || other.actions.allSatisfy(actions.contains))
  }
}

extension Scope: CustomStringConvertible {
  var description: String { "\(type):\(name):\(actions.joined(separator: ","))" }
}

/// What a request is for: what it must be allowed, and what an error speaks of.
struct Purpose: Sendable {
  enum Item: Hashable, Sendable {
    case none
    case manifest(String)
    case blob(Digest)
  }

  let repository: String?
  let item: Item
  let action: RegistryError.Action
  let scopes: [Scope]

  static let catalog = Self(repository: nil, item: .none, action: .list, scopes: [.catalog])

  static func listing(_ repository: String) -> Self {
    Self(repository: repository, item: .none, action: .list, scopes: [.pull(repository)])
  }

  /// Reading from a repository, which is about to be written to where `isForPush`: of one that does not exist yet,
  /// some registries let only those know who may make it (Quay).
  static func reading(_ item: Item, in repository: String, isForPush: Bool = false) -> Self {
    Self(
      repository: repository, item: item, action: .pull,
      scopes: [isForPush ? .push(repository) : .pull(repository)])
  }

  /// Writing to a repository, with leave to read `source` when a blob is to be mounted from there.
  static func pushing(_ item: Item, to repository: String, mountingFrom source: String? = nil) -> Self {
    Self(
      repository: repository, item: item, action: .push,
      scopes: [.push(repository)] + (source.map { [.pull($0)] } ?? []))
  }
}
