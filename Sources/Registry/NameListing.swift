import Images
import Transport

/// The names a registry lists, as far as they could be read.
public struct NameList: Hashable, Sendable {
  /// In the registry's order, each once.
  public let names: [String]
  /// Why these are not all; nil when they are.
  public let failure: RegistryError?

  /// All names. Throws ``failure`` when they are not all.
  func all() throws(RegistryError) -> [String] {
    if let failure { throw failure }
    return names
  }
}

/// Reads the lists of a registry's names, page after page.
struct NameListing {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// The tags of a repository, as far as they can be read.
  func tags(of repository: String) -> NameList {
    list(.tags, .tags(of: repository), for: .listing(repository)) { () throws(RegistryError) in
      try connection.url(repository, "tags/list")
    }
  }

  /// The repositories the registry shows, as far as they can be read.
  func catalog() -> NameList {
    list(.repositories, .catalog, for: .catalog) { () throws(RegistryError) in
      let root = try connection.root
      do { return try root.resolving("_catalog") } catch { throw .invalidHost(connection.host) }
    }
  }

  /// A thousand names have some 50 KiB; a registry that ignores the number may send many times that.
  private static let pageLimit = 8 << 20
  private static let mostPages = 10_000
  private static let mostNames = 2_000_000
  /// What is asked for where a registry repeats a page of exactly as many names as it was asked for.
  private static let largestPage = 10 * PageSize.requested

  private func list(
    _ kind: NameKind, _ what: RegistryError.List, for purpose: Purpose,
    at address: () throws(RegistryError) -> HTTPURL
  ) -> NameList {
    var reading = Reading(kind: kind)
    do throws(RegistryError) {
      try read(&reading, at: try address(), for: purpose)
    } catch {
      let isFirst = reading.visited.count <= 1
      return NameList(
        names: reading.names,
        failure: isFirst
          ? error : .listCutShort(host: connection.host, what, read: reading.names.count, error))
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
        unusable = .malformedResponse(
          url: url.description, .unusableNames(first, more: page.unusable.count - 1))
      }
      let before = names.count
      for name in page.names where known.insert(name).inserted { names.append(name) }
      return names.count - before
    }
  }

  /// Reads page after page as `Link` leads, on the same host and port only, and behind the last name where it
  /// does not (``PageSize``).
  private func read(
    _ reading: inout Reading, at address: HTTPURL, for purpose: Purpose
  ) throws(RegistryError) {
    let kind = reading.kind
    let ask: (Int?, String?) -> HTTPURL = { count, last in
      let query = (count.map { [("n", "\($0)")] } ?? []) + (last.map { [("last", $0)] } ?? [])
      return query.isEmpty ? address : address.appendingQuery(query)
    }
    var number: Int? = PageSize.requested
    var url = ask(number, nil)
    /// How many names the page had that this one was asked for behind.
    var before: Int?
    /// Whether the registry itself led from page to page: then it leads to the last, too, and may know no `last`.
    var isLinked = false
    while true {
      let malformed: (RegistryError.Breach) -> RegistryError = { [url] in
        .malformedResponse(url: url.description, $0)
      }
      guard reading.visited.insert(url).inserted, reading.visited.count <= Self.mostPages else {
        throw malformed(.header("Link"))
      }
      let response = try connection.exchange(HTTPRequest(.get, url, bodyLimit: Self.pageLimit), for: purpose)
      if let before, before < PageSize.requested, Self.knowsNoLast(response) {
        return
      }
      if number != nil, reading.visited.count == 1, Self.refusesNumber(response) {
        number = nil
        url = ask(nil, nil)
        continue
      }
      guard response.status == 200 else { throw connection.failure(response, for: purpose) }
      guard let page = NamePage(response.body, of: kind) else { throw malformed(.list) }
      let link = LinkHeader(response)
      // A page that leads to another host is not this registry's word; one whose link cannot be read is.
      let next = link == .unreadable ? nil : try link.target(at: url)
      let added = reading.add(page, from: url)
      if link == .unreadable { throw malformed(.header("Link")) }
      // A registry leads to what is new. A cache that does not look at the query gives the same page again; the name
      // before, alone and last, is what some begin a page with.
      if isLinked, added == 0, !page.names.isEmpty, next != nil || page.count > 1 {
        throw malformed(.repeatedPage)
      }
      guard reading.names.count <= Self.mostNames else { throw malformed(.list) }
      if let next {
        isLinked = true
        before = nil
        url = next
        continue
      }
      if let count = before {
        let isRepeated = added == 0 && page.count >= count && count > 1
        guard added > 0 else {
          if isRepeated, count == PageSize.requested {
            try widen(&reading, at: ask(Self.largestPage, nil), for: purpose)
          }
          return
        }
      }
      guard !isLinked, let last = page.names.last, PageSize.mayBeCut(page.count) else { return }
      before = page.count
      url = ask(number, last)
    }
  }

  /// Asks for more names at once where a registry does not know `last` and gave exactly as many as it was asked
  /// for: either these are all, or it counts and keeps the rest.
  private func widen(_ reading: inout Reading, at url: HTTPURL, for purpose: Purpose) throws(RegistryError) {
    reading.visited.insert(url)
    let response = try connection.exchange(HTTPRequest(.get, url, bodyLimit: Self.pageLimit), for: purpose)
    guard response.status == 200 else { throw connection.failure(response, for: purpose) }
    guard let page = NamePage(response.body, of: reading.kind), page.count < Self.largestPage else {
      throw .malformedResponse(url: url.description, .list)
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
}
