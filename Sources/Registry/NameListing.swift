public import Digests
import Images
import Transport

/// The names a registry lists, as far as they could be read.
public struct NameList: Hashable, Sendable {
  /// In the registry's order, each once.
  public let names: [String]
  /// Entries that name nothing which can be asked for.
  public let unusable: UnusableNames
  /// The manifests that no tag names, where the registry lists its manifests beside the tags; nil elsewhere.
  public let untagged: UntaggedManifests?
  /// Why these are not all that the registry has; nil when they are.
  public let failure: RegistryError?

  /// All names that can be asked for. Throws ``failure`` when they are not all.
  func all() throws(RegistryError) -> [String] {
    if let failure { throw failure }
    return names
  }
}

/// The manifests of a repository that no tag names, as its registry lists them: images of their own, and what indexes list.
public struct UntaggedManifests: Hashable, Sendable {
  public let digests: Set<Digest>
  /// What stands there and is no digest.
  public let unusable: UnusableNames

  /// Those of `manifests` that are not tagged.
  init(_ manifests: [String: Bool]) {
    var digests: Set<Digest> = []
    var unusable = UnusableNames()
    for text in manifests.filter({ !$0.value }).keys.sorted() {
      if let digest = try? Digest(text) {
        digests.insert(digest)
      } else {
        unusable.add(.text(text.printedAsProse(limit: 128)))
      }
    }
    self.digests = digests
    self.unusable = unusable
  }
}

/// Entries of a list that name nothing which can be asked for.
public struct UnusableNames: Hashable, Sendable {
  /// Each once, in the registry's order.
  public private(set) var names: [RegistryError.UnusableName] = []
  /// How many more there were.
  public private(set) var more = 0

  /// As many as are named.
  private static let most = 50

  /// None.
  public init() {}

  mutating func add(_ name: RegistryError.UnusableName) {
    if names.count < Self.most { names.append(name) } else { more += 1 }
  }

  /// Those that may be meant where names are selected: texts that `selects` takes, and what is no text at all.
  public func selected(by selects: (String) -> Bool) -> UnusableNames {
    var selected = self
    selected.names = names.filter { if case .text(let text) = $0 { selects(text) } else { true } }
    return selected
  }

  /// That the list of `host` has them, as an error; nil where there are none.
  public func error(in list: RegistryError.List, of host: String) -> RegistryError? {
    names.isEmpty && more == 0 ? nil : .unusableNames(host: host, list, names, more: more)
  }
}

/// Reads the lists of a registry's names, page after page.
struct NameListing {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// The tags of a repository, as far as they can be read.
  func tags(of repository: String) -> NameList {
    let reading = Reading(kind: .tags, question: .tags(of: repository), purpose: .listing(repository))
    return list(reading, .tags(of: repository)) { () throws(RegistryError) in
      try connection.url(repository, "tags/list")
    }
  }

  /// The repositories the registry shows, as far as they can be read. With `outlastsStalls` false a registry that keeps
  /// silent is not asked again: many take minutes for what nobody waits for.
  func catalog(outlastsStalls: Bool = true) -> NameList {
    var reading = Reading(kind: .repositories, question: .catalog, purpose: .catalog)
    reading.outlastsStalls = outlastsStalls
    return list(reading, .catalog) { () throws(RegistryError) in
      let root = try connection.root
      do { return try root.resolving("_catalog") } catch { throw .invalidHost(connection.host) }
    }
  }

  /// A thousand names have some 50 KiB; a registry that ignores the number may send many times that.
  private static let pageLimit = 8 << 20
  private static let mostPages = 10_000
  /// What is asked for where a registry repeats a page of exactly as many names as it was asked for.
  private static let largestPage = 10 * PageSize.requested

  private func list(
    _ empty: Reading, _ what: RegistryError.List, at address: () throws(RegistryError) -> HTTPURL
  ) -> NameList {
    var reading = empty
    var failure: RegistryError?
    do throws(RegistryError) {
      try read(&reading, at: try address())
    } catch {
      failure =
        reading.pages == 0 || reading.visited.count <= 1
        ? error : .listCutShort(host: connection.host, what, read: reading.names.count, error)
    }
    return NameList(
      names: reading.names, unusable: reading.unusable,
      untagged: reading.manifests.map { UntaggedManifests($0) }, failure: failure)
  }

  /// What was read of a list.
  private struct Reading {
    let kind: NameKind
    let question: OwnAddresses.Question
    let purpose: Purpose
    var outlastsStalls = true
    private(set) var names: [String] = []
    /// How many pages were read.
    private(set) var pages = 0
    var visited: Set<HTTPURL> = []
    private(set) var unusable = UnusableNames()
    /// Whether a tag names it, for each manifest that is listed beside the tags; nil where none are.
    private(set) var manifests: [String: Bool]?
    /// How long the names are together, in bytes.
    private(set) var bytes = 0
    /// How many pages without an entry came last.
    private(set) var emptyPages = 0
    /// The page that came last, by its digest: what is the same again need not be read again.
    var lastPage: Digest?
    var pace = ListPace()
    private var known: Set<String> = []
    private var knownUnusable: Set<RegistryError.UnusableName> = []

    init(kind: NameKind, question: OwnAddresses.Question, purpose: Purpose) {
      self.kind = kind
      self.question = question
      self.purpose = purpose
    }

    /// Of how many it is remembered that they were met.
    private static let mostUnusable = 10_000

    /// Takes a page's names; how many of its entries are new.
    mutating func add(_ page: NamePage) -> Int {
      pages += 1
      emptyPages = page.count == 0 && page.manifests?.isEmpty != false ? emptyPages + 1 : 0
      var added = 0
      for name in page.unusable where !knownUnusable.contains(name) {
        if knownUnusable.count < Self.mostUnusable { knownUnusable.insert(name) }
        unusable.add(name)
        added += 1
      }
      for name in page.names where known.insert(name).inserted {
        names.append(name)
        bytes += name.utf8.count
        added += 1
      }
      if let listed = page.manifests {
        let before = manifests?.count ?? 0
        // A page may have only those of a manifest's tags that it lists.
        manifests = (manifests ?? [:]).merging(listed) { $0 || $1 }
        added += (manifests?.count ?? 0) - before
      }
      return added
    }
  }

  /// Reads page after page as `Link` leads, at the registry's own origin only, and behind the last name where it
  /// does not (``PageSize``).
  private func read(_ reading: inout Reading, at address: HTTPURL) throws(RegistryError) {
    let ask: (Int?, String?) -> HTTPURL = { count, last in
      let query = (count.map { [("n", "\($0)")] } ?? []) + (last.map { [("last", $0)] } ?? [])
      return query.isEmpty ? address : address.appendingQuery(query)
    }
    var number: Int? = PageSize.requested
    var place = OwnAddresses.Place(first: ask(number, nil))
    /// How many names the page had that this one was asked for behind.
    var before: Int?
    /// Whether the registry itself led from page to page: then it leads to the last, too, and may know no `last`.
    var isLinked = false
    while true {
      let malformed: (RegistryError.Breach) -> RegistryError = { [url = place.first] in
        .malformedResponse(url: url.description, $0)
      }
      guard reading.visited.insert(place.first).inserted, reading.visited.count <= Self.mostPages else {
        throw malformed(.header("Link"))
      }
      guard !Task.isCancelled else { throw .transport(.cancelled) }
      let start = ContinuousClock.now
      let (response, url) = try exchange(reading, at: place)
      let time = start.duration(to: .now)
      if let before, before < PageSize.requested, Self.knowsNoLast(response) {
        return
      }
      if number != nil, reading.visited.count == 1, Self.refusesNumber(response) {
        number = nil
        place = OwnAddresses.Place(first: ask(nil, nil))
        continue
      }
      guard response.status == 200 else { throw connection.failure(response, for: reading.purpose) }
      let link = LinkHeader(response)
      let digest = Digest(of: response.body)
      if digest == reading.lastPage, reading.emptyPages == 0 {
        if isLinked, case .next = link { throw malformed(.repeatedPage) }
        if let before, before > 1, link == .none {
          if before == PageSize.requested { try widen(&reading, at: ask(Self.largestPage, nil)) }
          return
        }
      }
      reading.lastPage = digest
      guard let page = NamePage(response.body, of: reading.kind) else {
        guard !Task.isCancelled else { throw .transport(.cancelled) }
        throw connection.malformed(response, .list)
      }
      // A page that leads to another host is not this registry's word; one whose link cannot be read is.
      let next =
        link == .unreadable
        ? nil : try link.target(at: url, of: reading.question, by: try connection.addresses)
      let added = reading.add(page)
      if link == .unreadable { throw malformed(.header("Link")) }
      // A registry leads to what is new. A cache that does not look at the query gives the same page again; the name
      // before, alone and last, is what some begin a page with.
      if isLinked, added == 0, page.count > 0, next != nil || page.count > 1 {
        throw malformed(.repeatedPage)
      }
      guard !page.isCut, max(reading.names.count, reading.manifests?.count ?? 0) <= NameLimits.most,
        reading.bytes <= NameLimits.mostBytes
      else { throw malformed(.tooManyNames(NameLimits.most)) }
      if next != nil, reading.emptyPages >= NameLimits.mostEmptyPages {
        throw malformed(.emptyPages(reading.emptyPages))
      }
      guard reading.pace.isBorne(added, in: time) || next == nil else { throw malformed(.slowList) }
      if let next {
        isLinked = true
        before = nil
        place = next
        continue
      }
      if let count = before {
        let isRepeated = added == 0 && page.count >= count && count > 1
        guard added > 0 else {
          if isRepeated, count == PageSize.requested {
            try widen(&reading, at: ask(Self.largestPage, nil))
          }
          return
        }
      }
      guard !isLinked, let last = page.names.last, PageSize.mayBeCut(page.count) else { return }
      before = page.count
      place = OwnAddresses.Place(first: ask(number, last))
    }
  }

  /// Asks for more names at once where a registry does not know `last` and gave exactly as many as it was asked
  /// for: either these are all, or it counts and keeps the rest.
  private func widen(_ reading: inout Reading, at url: HTTPURL) throws(RegistryError) {
    reading.visited.insert(url)
    let (response, _) = try exchange(reading, at: OwnAddresses.Place(first: url))
    guard response.status == 200 else { throw connection.failure(response, for: reading.purpose) }
    guard let page = NamePage(response.body, of: reading.kind), page.count < Self.largestPage else {
      throw .malformedResponse(url: url.description, .list)
    }
    _ = reading.add(page)
  }

  /// Asks for a page, and gives where at the registry it came from. What another host lists is what it shows to
  /// strangers, for it gets no credential: that is not what who has one asked for.
  private func exchange(
    _ reading: Reading, at place: OwnAddresses.Place
  ) throws(RegistryError) -> (HTTPResponse, from: HTTPURL) {
    let answer = try connection.exchange(
      at: place, for: reading.purpose, outlastsStalls: reading.outlastsStalls
    ) {
      var request = HTTPRequest(.get, $0, bodyLimit: Self.pageLimit)
      // Repositories can be named without it.
      request.isOptional = reading.kind == .repositories
      return request
    } isPage: {
      NamePage($0.body, of: reading.kind) != nil
    }
    guard connection.isOwn(answer.0.url) || connection.configuration.credential == nil else {
      throw .malformedResponse(
        url: place.first.description, .listElsewhere(host: answer.0.url.authority))
    }
    return answer
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

  /// Whether it may be the number of names asked for that a registry refuses: some give fewer (distribution with
  /// `maxentries`), some know no number, and not all of them say so.
  private static func refusesNumber(_ response: HTTPResponse) -> Bool {
    guard [400, 413, 416, 422].contains(response.status) else { return false }
    return RegistryMessage.list(in: response.body).allSatisfy { message in
      message.code.uppercased() == "PAGINATION_NUMBER_INVALID"
        || !RegistryMessage.refusals.contains(message.code.uppercased())
    }
  }
}
