public import Images

/// Content that an image lists and an archive leaves out on purpose.
public struct Omission: Hashable, Sendable, Codable {
  /// Type, digest and size only.
  public let descriptor: Descriptor
  public let reason: Reason

  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    /// A layer that its registry need not hold (`urls`) and does not.
    case foreign
    /// A manifest for a platform that was not asked for.
    case platform
    /// The other side has it already.
    case known
  }

  public init(_ descriptor: Descriptor, reason: Reason) {
    self.descriptor = Descriptor(
      mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size)
    self.reason = reason
  }

  private enum CodingKeys: String, CodingKey { case reason }

  public init(from decoder: any Decoder) throws {
    let reason = try decoder.container(keyedBy: CodingKeys.self).decode(Reason.self, forKey: .reason)
    self.init(try Descriptor(from: decoder), reason: reason)
  }

  public func encode(to encoder: any Encoder) throws {
    try descriptor.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(reason, forKey: .reason)
  }
}
