/// A key and what it may do.
public struct StageAccount: Sendable {
  public enum Access: Int, Sendable { case none, pull, push }

  public let key: String
  public let backEnd: NVIDIAStage.BackEnd
  /// NGC organisations the key's user is a member of.
  public var organizations: [String]
  /// What the key may do by repository, or by all below a path that ends with `/`; the longest one decides.
  public var access: [String: Access]
  /// What it may do where nothing stands in ``access``.
  public var otherwise: Access
  /// Whether the REST service takes it: a key that is for the registry alone pulls and cannot list.
  public var mayList = true

  public static func dgx(
    key: String, access: [String: Access] = [:], otherwise: Access = .pull
  ) -> Self {
    Self(key: key, backEnd: .dgx, organizations: [], access: access, otherwise: otherwise)
  }

  /// `otherwise` holds in the account's organisations; elsewhere it may pull what is public.
  public static func ngc(
    key: String, organizations: [String] = [], access: [String: Access] = [:], otherwise: Access = .push
  ) -> Self {
    Self(key: key, backEnd: .ngc, organizations: organizations, access: access, otherwise: otherwise)
  }

  func access(to repository: String, isPublic: Bool) -> Access {
    let rule = access.filter { path, _ in
      path == repository || path.hasSuffix("/") && repository.hasPrefix(path)
    }.max { $0.key.count < $1.key.count }
    if let rule { return rule.value }
    let isOwn = organizations.isEmpty || organizations.contains { repository.hasPrefix("\($0)/") }
    if isOwn { return otherwise }
    return isPublic ? .pull : .none
  }
}
