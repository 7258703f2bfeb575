/// What a token allows: actions on one resource, written `repository:team/app:pull,push`
/// (distribution, "Token Scope Documentation").
public struct Scope: Hashable, Sendable {
  /// `repository` or `registry`, possibly with a class in parentheses.
  public let type: String
  public let name: String
  public let actions: [String]

  public init(type: String, name: String, actions: [String]) {
    self.type = type
    self.name = name
    self.actions = actions
  }

  /// Reading a repository.
  public static func pull(_ repository: String) -> Self {
    Self(type: "repository", name: repository, actions: ["pull"])
  }

  /// Writing a repository. A push reads too.
  public static func push(_ repository: String) -> Self {
    Self(type: "repository", name: repository, actions: ["pull", "push"])
  }

  /// Listing a registry's repositories.
  public static let catalog = Self(type: "registry", name: "catalog", actions: ["*"])

  /// Parses one scope; nil when it is none. The name may hold colons, as in `host:5000/app`.
  public init?(_ text: some StringProtocol) {
    let text = String(text)
    guard let first = text.firstIndex(of: ":"), let last = text.lastIndex(of: ":"), first < last else {
      return nil
    }
    let actions = text[text.index(after: last)...].split(separator: ",").map(String.init)
    let name = text[text.index(after: first)..<last]
    guard first > text.startIndex, !name.isEmpty, !actions.isEmpty else { return nil }
    self.init(type: String(text[..<first]), name: String(name), actions: actions)
  }

  /// Whether `grants` together allow all of `self`.
  func isCovered(by grants: [Scope]) -> Bool {
    let actions = grants.filter { $0.type == type && $0.name == name }.flatMap(\.actions)
    return Scope(type: type, name: name, actions: actions).covers(self)
  }

  /// Whether who holds `self` holds `other` as well.
  public func covers(_ other: Scope) -> Bool {
    type == other.type && name == other.name
      && (actions.contains("*") || other.actions.allSatisfy(actions.contains))
  }
}

extension Scope: CustomStringConvertible {
  public var description: String { "\(type):\(name):\(actions.joined(separator: ","))" }
}
