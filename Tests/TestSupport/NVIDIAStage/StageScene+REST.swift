import Foundation

/// The two REST services.
extension StageScene {
  /// compute.nvidia.com/rest/api/v1
  func dgxAPI(_ request: ScriptedRequest, _ state: StageState) -> StageReply {
    guard let account = Self.key(request, scheme: "APIKey").flatMap(state.account(key:)),
      account.backEnd == .dgx, account.mayList
    else { return .json(["error": "Unauthorized"], status: 401) }
    let prefix = "/rest/api/v1/repository"
    let content = state.content[.dgx] ?? [:]
    guard request.path.hasPrefix(prefix) else { return Self.page(404) }
    let path = request.path.dropFirst(prefix.count).drop { $0 == "/" }
    if path.isEmpty {
      let isAll = request.queryValue("includePublic") == "true"
      return .json(["repositories": Self.list(content, for: account) { isAll || !$0.isPublic }])
    }
    guard let repository = content[String(path)],
      account.access(to: String(path), isPublic: repository.isPublic) != .none
    else { return .json(["error": "Not found"], status: 404) }
    let tags = repository.tags.keys.sorted().map { tag -> [String: Any] in
      [
        "name": tag, "size": repository.size(of: tag), "lastModified": repository.date,
        "dockerImageId": String((repository.tags[tag] ?? "").dropFirst(7)),
      ]
    }
    return .json(["tags": tags])
  }

  /// api.ngc.nvidia.com/v2
  func ngcAPI(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    let header = request.header("Authorization") ?? ""
    guard header.hasPrefix("Bearer "), let token = state.tokens[String(header.dropFirst(7))],
      !token.isExpired, let account = token.account, account.backEnd == .ngc, account.mayList
    else { return Self.status("UNAUTHORIZED", 401) }
    let parts = request.path.split(separator: "/").map(String.init)
    let content = state.content[.ngc] ?? [:]
    switch parts.count {
    case 2 where parts == ["v2", "orgs"]:
      return Self.success(["organizations": account.organizations.map { ["name": $0] }])
    case 4 where parts[1] == "org" && parts[3] == "repos":
      guard account.organizations.contains(parts[2]) else { return Self.status("FORBIDDEN", 403) }
      let hasTeams = request.queryValue("include-teams") == "true"
      let hasPublic = request.queryValue("include-public") == "true"
      let shown = content.filter { path, repository in
        let isOwn = path.hasPrefix(parts[2] + "/")
        return isOwn ? hasTeams || path.split(separator: "/").count == 2 : hasPublic && repository.isPublic
      }
      return Self.success(["repositories": Self.list(shown, for: account) { _ in true }])
    case 6 where parts[1] == "org" && parts[3] == "repos" && parts[5] == "images":
      return images("\(parts[2])/\(parts[4])", account, content)
    case 8 where parts[1] == "org" && parts[3] == "team" && parts[5] == "repos" && parts[7] == "images":
      return images("\(parts[2])/\(parts[4])/\(parts[6])", account, content)
    default: return Self.status("NOT_FOUND", 404)
    }
  }

  private func images(
    _ path: String, _ account: StageAccount, _ content: [String: StageRepository]
  ) -> StageReply {
    guard let repository = content[path] else { return Self.status("NOT_FOUND", 404) }
    guard account.access(to: path, isPublic: repository.isPublic) != .none else {
      return Self.status("FORBIDDEN", 403)
    }
    // The key is absent when there are none.
    guard !repository.tags.isEmpty else { return Self.success([:]) }
    let images = repository.tags.keys.sorted().map { tag -> [String: Any] in
      [
        "tag": tag, "size": repository.size(of: tag), "updatedDate": repository.date,
        "user": [String: String](),
      ]
    }
    return Self.success(["images": images])
  }

  private static func list(
    _ content: [String: StageRepository], for account: StageAccount, _ isShown: (StageRepository) -> Bool
  ) -> [[String: Any]] {
    content.sorted { $0.key < $1.key }.filter { isShown($0.value) }.map { path, repository in
      let parts = path.split(separator: "/")
      var entry: [String: Any] = [
        "namespace": parts.dropLast().joined(separator: "/"), "name": String(parts.last ?? ""),
        "isPublic": repository.isPublic, "isReadOnly": repository.isReadOnly,
      ]
      entry["description"] = repository.description
      return entry
    }
  }

  private static func success(_ object: [String: Any]) -> StageReply {
    .json(
      object.merging(["requestStatus": ["statusCode": "SUCCESS", "requestId": "edbbaccf"]]) { first, _ in
        first
      })
  }

  private static func status(_ code: String, _ status: Int) -> StageReply {
    .json(["requestStatus": ["statusCode": code, "requestId": "edbbaccf"]], status: status)
  }
}
