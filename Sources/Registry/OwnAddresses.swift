import Synchronization
import Transport

/// Understands the addresses that a registry writes into its answers: where the next page is (`Link`), where an upload
/// lies (`Location`).
///
/// A registry behind a proxy writes them as it sees itself: with its inner scheme, host or port, with a prefix before
/// the path, or by the repository's name behind the proxy. What they say of themselves is taken, and asked for where the
/// registry was found: at its own origin, by the path as it was given or, where that leads nowhere, by the path that was
/// asked for. Nothing leads to another host.
final class OwnAddresses: Sendable {
  /// A question whose answer leads on, by what its path ends with or holds behind the repository's name.
  struct Question: Hashable, Sendable {
    /// nil for one of the registry as a whole.
    let repository: String?
    /// What stands behind the repository's name.
    let tail: String

    /// Whether something else stands behind that.
    var isOpen: Bool { tail.hasSuffix("/") }

    static let catalog = Self(repository: nil, tail: "_catalog")
    static func tags(of repository: String) -> Self { Self(repository: repository, tail: "/tags/list") }
    static func referrers(of subject: String, in repository: String) -> Self {
      Self(repository: repository, tail: "/referrers/\(subject)")
    }
    static func uploads(to repository: String) -> Self {
      Self(repository: repository, tail: "/blobs/uploads/")
    }
  }

  /// An address at the registry's own origin: where it is to be asked for first, and where else it may be.
  struct Place: Hashable, Sendable {
    let first: HTTPURL
    var otherwise: HTTPURL?
    /// Whether the first is by the path as it was given, and not by the one that was asked for.
    fileprivate var isGivenFirst = true

    init(first: HTTPURL) { self.first = first }

    fileprivate init(given: HTTPURL, asked: HTTPURL, isGivenFirst: Bool) {
      first = isGivenFirst ? given : asked
      otherwise = isGivenFirst ? asked : given
      self.isGivenFirst = isGivenFirst
    }
  }

  enum Meaning: Hashable, Sendable {
    case own(Place)
    /// On another host, which is not known to be the registry.
    case foreign(HTTPURL)
    /// No address, or one with a login in it.
    case unusable
  }

  private let root: HTTPURL
  /// Whether addresses were found by the path as it was given, where both ways were tried; nil before that.
  private let prefersGiven = Mutex<Bool?>(nil)

  /// `root` is the registry's, `https://host/v2/`.
  init(_ root: HTTPURL) { self.root = root }

  /// What `text` means in the answer to `question` that came from `url`, the registry's own.
  func meaning(of text: String, from url: HTTPURL, to question: Question) -> Meaning {
    guard let target = try? url.resolving(text), !target.hasUserInfo else { return .unusable }
    // A registry that has led from plain HTTP to TLS is asked there.
    let origin = url.belongs(to: root) ? url : root
    let isOwn = target.hasSameOrigin(as: origin) || target.hasSameOrigin(as: root)
    let given = isOwn ? target : target.at(originOf: origin)
    // What would be a list's beginning is no page behind another: who means that means another list.
    let isBeginning = !question.isOpen && target.query?.isEmpty != false
    guard let match = match(target.path, question), isOwn || !isBeginning else {
      return isOwn ? .own(Place(first: given)) : .foreign(target)
    }
    let query = target.query.map { "?\($0)" } ?? ""
    let path = "\(root.path)\(question.repository ?? "")\(question.tail)\(match.rest)"
    guard let asked = try? origin.resolving(path + query), asked.full != given.full else {
      return .own(Place(first: given))
    }
    let isGivenFirst = prefersGiven.withLock { $0 } ?? !match.isOther
    return .own(Place(given: given, asked: asked, isGivenFirst: isGivenFirst))
  }

  /// Hears that of a place's two addresses the second was right: the next is looked for there first.
  func learn(secondOf place: Place) { prefersGiven.withLock { $0 = !place.isGivenFirst } }

  /// Where `path` holds the question, and what stands behind it; `isOther` where it does so by a name that is another
  /// repository's here.
  private func match(_ path: String, _ question: Question) -> (rest: Substring, isOther: Bool)? {
    func rest(behind piece: String, from start: String.Index? = nil) -> (start: String.Index, Substring)? {
      guard let range = path[(start ?? path.startIndex)...].firstRange(of: piece) else { return nil }
      let rest = path[range.upperBound...]
      return question.isOpen != rest.isEmpty ? (range.lowerBound, rest) : nil
    }
    guard let repository = question.repository else {
      return rest(behind: Self.version + question.tail).map { ($0.1, false) }
    }
    let components = repository.split(separator: "/")
    for count in components.indices {
      let name = components[count...].joined(separator: "/")
      if let (start, rest) = rest(behind: Self.version + name + question.tail) {
        return (rest, count > 0 && start == path.startIndex)
      }
    }
    guard let version = path.firstRange(of: Self.version),
      let (_, rest) = rest(behind: "/\(repository)\(question.tail)", from: version.upperBound)
    else { return nil }
    return (rest, version.lowerBound == path.startIndex)
  }

  private static let version = "/v2/"
}
