public import Digests
public import Tar

/// What the files of an archive that passes by were found to be, in its order. There may be hundreds of thousands, and few of
/// which more is known than their own digest.
struct Passages: Sendable {
  private struct File {
    let offset: Int64
    let size: Int64
    let digest: Digest
    /// Whether what it unpacks to is what it is.
    let isPlain: Bool
  }

  private var files: [File] = []
  /// What files unpack to that are compressed, in their order.
  private var contents: [(offset: Int64, digest: Digest)] = []
  /// What files hash to by more than one algorithm.
  private var digests: [Int64: [Digest]] = [:]
  /// Of all others of which more is known than that it was not looked into.
  private var others: [Int64: PassedContent.Content] = [:]

  /// Takes in a file that begins at `offset`, behind all before.
  mutating func append(_ passage: PassedContent.Passage, at offset: Int64) {
    let isPlain = passage.content == .digests(passage.digests)
    files.append(File(offset: offset, size: passage.size, digest: passage.digests[0], isPlain: isPlain))
    if passage.digests.count > 1 { digests[offset] = passage.digests }
    switch passage.content {
    case .digests where isPlain: break
    case .digests(let unpacked) where unpacked.count == 1: contents.append((offset, unpacked[0]))
    case .digests, .damaged, .refused: others[offset] = passage.content
    case .unknown: break
    }
  }

  /// The file that begins at `offset`; nil where none does.
  func passage(at offset: Int64) -> PassedContent.Passage? {
    guard let file = Self.find(offset, in: files, by: \.offset) else { return nil }
    let unpacked = Self.find(offset, in: contents, by: \.offset).map {
      PassedContent.Content.digests([$0.digest])
    }
    let digests = digests[offset] ?? [file.digest]
    let content = file.isPlain ? .digests(digests) : unpacked ?? others[offset] ?? .unknown
    return PassedContent.Passage(size: file.size, digests: digests, content: content)
  }

  private static func find<Element>(
    _ offset: Int64, in list: [Element], by place: (Element) -> Int64
  ) -> Element? {
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if place(list[middle]) < offset { low = middle + 1 } else { high = middle }
    }
    return low < list.count && place(list[low]) == offset ? list[low] : nil
  }
}

extension PassedContent {
  /// What a file of the archive was found to be as it passed.
  public struct Passage: Sendable {
    /// In bytes.
    let size: Int64
    /// What it hashes to, by one algorithm or more.
    public let digests: [Digest]
    public let content: Content
  }

  /// What a file unpacks to.
  public enum Content: Hashable, Sendable {
    /// By one algorithm or more.
    case digests([Digest])
    case damaged
    /// Unpacking it takes more memory than is allowed, or gives more than is read of any.
    case refused(TarError)
    /// It was not looked into.
    case unknown

    /// Whether it tells what the content hashes to by all these algorithms, or that none does.
    public func tells(_ algorithms: Set<Digest.Algorithm>) -> Bool {
      switch self {
      case .digests(let digests): algorithms.isSubset(of: digests.map(\.algorithm))
      case .damaged, .refused: true
      case .unknown: false
      }
    }
  }
}

extension PassedContent.Passage {
  /// What it hashes to by `algorithm`; nil where that was not computed as it passed.
  public func digest(by algorithm: Digest.Algorithm) -> Digest? {
    digests.first { $0.algorithm == algorithm }
  }
}
