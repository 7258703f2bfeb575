public import Digests
public import Images

/// The images of a list, such as `ferry list` prints and `ferry export -f` reads: what somebody wants to have in archives.
public struct ListedReferences: Sendable {
  /// Each once, in the list's order. A line without tag and digest means the tag `latest`.
  public let references: [Reference]
  private var tags: Set<Reference> = []
  /// What it names by digest alone.
  private var contents: Set<RepositoryContent> = []

  /// The images of `lines`, which have no comments any more. Throws ``ReferenceError``.
  public init(_ lines: [String]) throws(ReferenceError) {
    var references: [Reference] = []
    var known: Set<Reference> = []
    for line in lines {
      var reference = try Reference(line)
      if reference.tag == nil, reference.digest == nil {
        reference = reference.with(tag: Reference.defaultTag)
      }
      if known.insert(reference).inserted { references.append(reference) }
    }
    self.references = references
    for reference in references {
      if let tag = reference.tag {
        tags.insert(reference.with(tag: tag))
      } else if let digest = reference.digest {
        contents.insert(RepositoryContent(repository: reference.repositoryName, digest: digest))
      }
    }
  }

  /// Whether the list has an image of that name, of whatever digest where it goes by the tag.
  public func lists(_ name: Reference, _ digest: Digest) -> Bool {
    if let tag = name.tag, tags.contains(name.with(tag: tag)) { return true }
    return [digest, name.digest].compactMap(\.self).contains {
      contents.contains(RepositoryContent(repository: name.repositoryName, digest: $0))
    }
  }

  /// Those that are none of `names`: a tag is found by its name, a digest in its repository, and of a line that has both the
  /// tag must be of that digest.
  public func missing(from names: some Sequence<ListedName>) -> [Reference] {
    var tags: [Reference: Set<Digest>] = [:]
    var contents: Set<RepositoryContent> = []
    for name in names {
      let digests = name.digests.union([name.reference.digest].compactMap(\.self))
      for digest in digests {
        contents.insert(RepositoryContent(repository: name.reference.repositoryName, digest: digest))
      }
      guard let tag = name.reference.tag else { continue }
      tags[name.reference.with(tag: tag), default: []].formUnion(digests)
    }
    return references.filter { wanted in
      if let tag = wanted.tag {
        guard let digests = tags[wanted.with(tag: tag)] else { return true }
        return wanted.digest.map { !digests.contains($0) } ?? false
      }
      return wanted.digest.map {
        !contents.contains(RepositoryContent(repository: wanted.repositoryName, digest: $0))
      } ?? true
    }
  }

  /// Those that none of the archives holds.
  public func missing(from archives: [VerifiedArchive]) -> [Reference] {
    missing(
      from: archives.lazy.flatMap(\.contents).compactMap { content in
        content.reference.map {
          ListedName(
            reference: $0,
            digests: Set(
              [content.root.digest, content.convertedFrom, content.indexDigest].compactMap(\.self)))
        }
      })
  }
}

/// A name that an archive or a receipt gives an image, and what the image's digest is there.
public struct ListedName: Hashable, Sendable {
  public let reference: Reference
  /// Several, where archives hold different ones under that name.
  public let digests: Set<Digest>

  public init(reference: Reference, digests: Set<Digest>) {
    self.reference = reference
    self.digests = digests
  }
}
