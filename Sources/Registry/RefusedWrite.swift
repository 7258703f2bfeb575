import Digests
import Images
import Transport

/// Why a registry does not take what is written to it, where its answer tells: by the status and, for registries use the
/// same ones for different things, by its own words. What it knows of vendors is no more than how people write.
enum RefusedWrite: Hashable {
  /// No room is left, or none for whoever writes.
  case quota
  /// A manifest is larger than is taken.
  case manifestTooLarge
  /// A tag that is there is not written again.
  case immutable
  /// Nothing is taken, or no body so large, by 405, 413 or 507.
  case byStatus

  /// Reads the answer to a request that would write; nil where it says no for another reason.
  init?(status: Int, _ messages: [RegistryMessage], to item: Purpose.Item) {
    guard (400..<600).contains(status), status != 401 else { return nil }
    let words = messages.map(\.lowercasedWords)
    if words.contains(where: { Self.saysFull($0, at: status) }) {
      self = .quota
    } else if case .manifest = item, status == 413 || words.contains(where: Self.saysManifestIsTooLarge) {
      self = .manifestTooLarge
    } else if case .manifest = item, status < 500, words.contains(where: Self.saysImmutable) {
      self = .immutable
    } else if case .manifest(let name) = item, (try? Digest(name)) == nil,
      [409, 412, 423].contains(status) || messages.contains(where: \.isAboutTag)
    {
      self = .immutable
    } else if [405, 413, 507].contains(status) {
      self = .byStatus
    } else {
      return nil
    }
  }

  /// Whether there is no room. A quota of requests is another matter: it comes back by itself.
  private static func saysFull(_ text: String, at status: Int) -> Bool {
    if disks.contains(where: { text.contains($0) }) { return true }
    guard !rates.contains(where: { text.contains($0) }) else { return false }
    // A kind of AWS's, of which there is one for what lies there and one for requests.
    if text.contains("limitexceeded") { return true }
    guard text.contains("storage") || !requests.contains(where: { text.contains($0) }) else { return false }
    if text.contains("quota") { return true }
    return status != 413 && text.contains("limit") && stores.contains { text.contains($0) }
      && excesses.contains { text.contains($0) }
  }

  private static let rates = [
    "per minute", "per second", "per hour", "per day", "perminute", "persecond", "rate limit",
    "rate exceeded",
    "ratelimit", "requestlimit", "throttl", "bandwidth",
  ]
  private static let requests = ["requests", "too many"]
  /// What systems say of a full disk, and the errno that Go's errors carry as a number: ENOSPC, EDQUOT.
  private static let disks = [
    "no space left", "insufficient storage", "not enough space", "out of space", "disk full", "disk is full",
    "err=28", "err=122",
  ]
  private static let stores = [
    "storage", "capacity", "disk", "size of", "namespace", "repositories", "images", "tags", "upper limit",
    "plan",
  ]
  private static let excesses = ["exceed", "reach", "over ", "full"]

  private static func saysManifestIsTooLarge(_ text: String) -> Bool {
    tooLarge.contains { text.contains($0) } || text.contains("manifest size") && text.contains("exceed")
  }

  private static let tooLarge = ["too large", "too big", "toolarge", "toobig"]

  private static func saysImmutable(_ text: String) -> Bool {
    let words = Set(text.split { !$0.isLetter })
    let isLocked =
      !words.isDisjoint(with: ["lock", "locked"]) && words.isDisjoint(with: ["account", "user", "login"])
    return isLocked || immutables.contains { text.contains($0) }
  }

  private static let immutables = [
    "immutab", "cannot be overwritten", "can not be overwritten", "not allow overwrit", "cannot overwrite",
    "not be overwritten", "does not allow updating", "disallowed on this registry, repository or image",
    "alreadyexistsexception",
  ]
}

extension RegistryMessage {
  fileprivate var lowercasedWords: String { "\(code) \(message) \(detail ?? "")".lowercased() }

  /// Whether its code says that a tag is not taken.
  fileprivate var isAboutTag: Bool {
    let code = code.uppercased()
    return code == "TAG_INVALID"
      || code.hasPrefix("TAG_") && (code.contains("EXIST") || code.contains("LOCK"))
      || code == "CONFLICT"
  }
}
