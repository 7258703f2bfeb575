import Digests
import Images

/// `--as`: the name for an image that has none of its own, `REPOSITORY[:TAG]`.
public struct GivenName: Hashable, Sendable {
  /// Without a registry: it is placed below the destination, whole.
  public let repository: String
  public let tag: String?

  /// Throws ``TransferError/malformedName(_:)``, also for a name that begins with a registry's host.
  public init(_ text: String) throws(TransferError) {
    let slash = text.lastIndex(of: "/")
    let last = slash.map { text[text.index(after: $0)...] } ?? text[...]
    let colon = last.firstIndex(of: ":")
    let tag = colon.map { last[last.index(after: $0)...] }
    let repository = text[..<(colon ?? text.endIndex)]
    let first = slash == nil ? "" : repository.prefix { $0 != "/" }
    guard RepositoryName.isValid(repository), tag.map({ RepositoryName.isValidTag($0) }) ?? true,
      first != "localhost", !first.contains("."), (try? Digest(text)) == nil
    else { throw .malformedName(text) }
    let reference = Reference(host: "", repository: String(repository), tag: tag.map(String.init))
    guard !reference.isDigestInDisguise else { throw .malformedName(text) }
    self.repository = reference.repository
    self.tag = reference.tag
  }
}

extension NameMapping {
  /// Where an image goes that is given its name: the first rule that matches decides, else it has that name
  /// below the destination. The image's own tag, if that is all it has, stands in for a tag that is not given.
  func unchecked(_ name: GivenName, ownTag: String?) -> Reference {
    let repository = rules.lazy.compactMap { $0.apply(to: name.repository) }.first ?? name.repository
    return Reference(
      host: destination.host, repository: destination.appending(repository),
      tag: name.tag ?? ownTag ?? Reference.defaultTag)
  }

  /// Where that goes which refers to an image that is given its name: beside it, by the tag or else the digest it
  /// has.
  func unchecked(_ name: GivenName, referrerTag tag: String?, digest: Digest) -> Reference {
    let image = unchecked(name, ownTag: nil)
    return Reference(
      host: image.host, repository: image.repository, tag: tag, digest: tag == nil ? digest : nil)
  }
}
