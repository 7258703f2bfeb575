import Images
import Transport

/// The names a registry lists, as far as they could be read.
public struct NameList: Hashable, Sendable {
  /// In the registry's order, each once.
  public let names: [String]
  /// Why these are not all; nil when they are.
  public let failure: RegistryError?

  /// All names. Throws ``failure`` when they are not all.
  func whole() throws(RegistryError) -> [String] {
    if let failure { throw failure }
    return names
  }
}

extension RegistryClient {
  /// All tags of a repository in the registry's order, each once. Throws when a single one may be missing.
  public func tags(of repository: String) throws(RegistryError) -> [String] {
    try tagList(of: repository).whole()
  }

  /// All repositories the registry shows, in its order, each once. Throws when a single one may be missing.
  public func catalog() throws(RegistryError) -> [String] { try catalogList().whole() }

  /// The tags of a repository, as far as they can be read.
  public func tagList(of repository: String) -> NameList {
    list(.tags, .tags(of: repository), for: .listing(repository)) { () throws(RegistryError) in
      try url(repository, "tags/list")
    }
  }

  /// The repositories the registry shows, as far as they can be read.
  public func catalogList() -> NameList {
    list(.repositories, .catalog, for: .catalog) { () throws(RegistryError) in
      do { return try root.resolving("_catalog") } catch {
        throw error as? RegistryError ?? .invalidHost(host)
      }
    }
  }

  /// A thousand names have some 50 KiB; a registry that ignores the number may send many times that.
  private static let pageLimit = 8 << 20
  private static let mostPages = 10_000
  private static let mostNames = 2_000_000
  /// What is asked for where a registry repeats a page of exactly as many names as it was asked for.
  private static let widest = 10 * PageHabits.requested

  private func list(
    _ kind: NameKind, _ what: RegistryError.List, for errand: Errand,
    at address: () throws(RegistryError) -> HTTPURL
  ) -> NameList {
    var reading = Reading(kind: kind)
    do throws(RegistryError) {
      try read(&reading, at: try address(), for: errand)
    } catch {
      let isFirst = reading.visited.count <= 1
      return NameList(
        names: reading.names,
        failure: isFirst ? error : .listCutShort(host: host, what, read: reading.names.count, error))
    }
    return NameList(names: reading.names, failure: reading.unusable)
  }

  /// What was read of a list.
  private struct Reading {
    let kind: NameKind
    var names: [String] = []
    var visited: Set<HTTPURL> = []
    /// The first entry that is no name, as an error.
    var unusable: RegistryError?
    private var known: Set<String> = []

    init(kind: NameKind) { self.kind = kind }

    /// Takes a page's names; how many of them are new.
    mutating func add(_ page: NamePage, from url: HTTPURL) -> Int {
      if let first = page.unusable.first, unusable == nil {
        let more = page.unusable.count > 1 ? " and \(page.unusable.count - 1) more" : ""
        unusable = .malformedResponse(url: url.description, what: first + more)
      }
      let before = names.count
      for name in page.names where known.insert(name).inserted { names.append(name) }
      return names.count - before
    }
  }

  /// Reads page after page as `Link` leads, on the same host and port only, and behind the last name where it
  /// does not (``PageHabits``).
  private func read(
    _ reading: inout Reading, at address: HTTPURL, for errand: Errand
  ) throws(RegistryError) {
    let kind = reading.kind
    let ask: (Int?, String?) -> HTTPURL = { count, last in
      let query = (count.map { [("n", "\($0)")] } ?? []) + (last.map { [("last", $0)] } ?? [])
      return query.isEmpty ? address : address.appendingQuery(query)
    }
    var number: Int? = PageHabits.requested
    var url = ask(number, nil)
    /// How many names the page had that this one was asked for behind.
    var before: Int?
    /// Whether the registry itself led from page to page: then it leads to the last, too, and may know no `last`.
    var isLinked = false
    while true {
      let malformed: (String) -> RegistryError = { [url] in
        .malformedResponse(url: url.description, what: $0)
      }
      guard reading.visited.insert(url).inserted, reading.visited.count <= Self.mostPages else {
        throw malformed("Link")
      }
      let response = try exchange(HTTPRequest(.get, url, bodyLimit: Self.pageLimit), for: errand)
      if let before, before < PageHabits.requested, Self.knowsNoLast(response) {
        return
      }
      if number != nil, reading.visited.count == 1, Self.refusesNumber(response) {
        number = nil
        url = ask(nil, nil)
        continue
      }
      guard response.status == 200 else { throw failure(response, for: errand) }
      guard let page = NamePage(response.body, of: kind) else { throw malformed("list") }
      let link = LinkHeader(response.headers.values(of: "Link"))
      // A page that leads to another host is not this registry's word; one whose link cannot be read is.
      let next = link == .unreadable ? nil : try target(of: link, at: url)
      let added = reading.add(page, from: url)
      if link == .unreadable { throw malformed("Link") }
      // A registry leads to what is new. A cache that does not look at the query gives the same page again; the name
      // before, alone and last, is what some begin a page with.
      if isLinked, added == 0, !page.names.isEmpty, next != nil || page.count > 1 {
        throw malformed("page that repeats what came before")
      }
      guard reading.names.count <= Self.mostNames else { throw malformed("list") }
      if let next {
        isLinked = true
        before = nil
        url = next
        continue
      }
      if let count = before {
        let isRepeated = added == 0 && page.count >= count && count > 1
        guard added > 0 else {
          if isRepeated, count == PageHabits.requested {
            try widen(&reading, at: ask(Self.widest, nil), for: errand)
          }
          return
        }
      }
      guard !isLinked, let last = page.names.last, PageHabits.mayBeCut(page.count) else { return }
      before = page.count
      url = ask(number, last)
    }
  }

  /// Asks for more names at once where a registry does not know `last` and gave exactly as many as it was asked
  /// for: either these are all, or it counts and keeps the rest.
  private func widen(_ reading: inout Reading, at url: HTTPURL, for errand: Errand) throws(RegistryError) {
    reading.visited.insert(url)
    let response = try exchange(HTTPRequest(.get, url, bodyLimit: Self.pageLimit), for: errand)
    guard response.status == 200 else { throw failure(response, for: errand) }
    guard let page = NamePage(response.body, of: reading.kind), page.count < Self.widest else {
      throw .malformedResponse(url: url.description, what: "list")
    }
    _ = reading.add(page, from: url)
  }

  /// Whether an answer to a question that the registry did not lead to only says that it does not know `last`:
  /// some take none but what their own links hold (ECR). A page that was not even full is believed then.
  /// One that says why, and that is something else, is no such answer.
  private static func knowsNoLast(_ response: HTTPResponse) -> Bool {
    guard [400, 404, 405, 410, 414, 422, 501].contains(response.status) else { return false }
    return RegistryMessage.list(in: response.body).allSatisfy { message in
      switch message.kind(at: response.status) {
      case .nothing, .unknownQuestion: true
      case .unknownName: false
      case .refusal: !RegistryMessage.refusals.contains(message.code.uppercased())
      }
    }
  }

  /// Whether a registry has fewer names for a page than it was asked for (distribution 3, `maxentries`).
  private static func refusesNumber(_ response: HTTPResponse) -> Bool {
    response.status == 400
      && RegistryMessage.list(in: response.body).contains { $0.code == "PAGINATION_NUMBER_INVALID" }
  }

  /// Where `Link` leads from a page; nil from the last. Throws when that cannot be told.
  func nextPage(after response: HTTPResponse, at url: HTTPURL) throws(RegistryError) -> HTTPURL? {
    try target(of: LinkHeader(response.headers.values(of: "Link")), at: url)
  }

  private func target(of link: LinkHeader, at url: HTTPURL) throws(RegistryError) -> HTTPURL? {
    switch link {
    case .none: return nil
    case .next(let link):
      if let target = try? url.resolving(link), target.hasSameOrigin(as: url), !target.hasUserInfo {
        return target
      }
    case .unreadable: break
    }
    throw .malformedResponse(url: url.description, what: "Link")
  }
}
