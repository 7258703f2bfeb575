public import Digests

/// Something that a descriptor describes, known by its digest alone. A descriptor that is in memory already takes little room
/// here: as a key of a table eight bytes, where a digest takes forty.
public struct PartKey: Hashable, Sendable {
  public let descriptor: Descriptor

  public init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  /// For looking something up.
  public init(_ digest: Digest) {
    descriptor = Descriptor(mediaType: MediaType(rawValue: ""), digest: digest, size: 0)
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.descriptor.digest == right.descriptor.digest
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(descriptor.digest) }
}

/// Descriptors, one for each digest.
public struct DescriptorsByDigest: Sendable {
  private var kept: Set<PartKey> = []

  public init() {}

  public var isEmpty: Bool { kept.isEmpty }

  /// In no order.
  public var descriptors: some Sequence<Descriptor> { kept.lazy.map(\.descriptor) }

  public subscript(digest: Digest) -> Descriptor? {
    kept.isEmpty ? nil : kept.firstIndex(of: PartKey(digest)).map { kept[$0].descriptor }
  }

  /// Takes `descriptor` in, in the place of one that has its digest.
  public mutating func update(_ descriptor: Descriptor) { kept.update(with: PartKey(descriptor)) }
}
