public import Digests
public import FoundationEssentials
import Images

/// What an import confirmed: which images of which archives the destination holds under which names, each with
/// the digest that the destination itself gave.
///
/// A JSON file. It comes from the other side of the gap, so reading it believes nothing: see
/// ``read(path:)``.
public struct Receipt: Hashable, Sendable {
  /// The version of the format that is written, and the only one that is read. Fields may be added within a
  /// version.
  public static let formatVersion = 1

  /// One archive that was imported.
  public struct Archive: Codable, Hashable, Sendable {
    /// Its name, without directories.
    public let name: String
    public let digest: Digest

    public init(name: String, digest: Digest) {
      self.name = name
      self.digest = digest
    }
  }

  /// The version of the Ferry that imported.
  public let ferry: String
  /// `registry/org[/team]`: what the images were placed below.
  public let destination: String
  public let archives: [Archive]
  public let started: Date
  public let finished: Date
  /// Only images whose presence the destination confirmed.
  public let images: [ReceivedImage]

  public init(
    ferry: String, destination: String, archives: [Archive], started: Date, finished: Date,
    images: [ReceivedImage]
  ) {
    self.ferry = ferry
    self.destination = destination
    self.archives = archives
    self.started = started
    self.finished = finished
    self.images = images
  }
}

extension Receipt: Codable {
  /// What tells a receipt from any other JSON.
  static let schemaPrefix = "ferry/receipt/v"

  private enum CodingKeys: String, CodingKey {
    case schema, ferry, destination, archives, started, finished, images
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let schema = try container.decode(String.self, forKey: .schema)
    guard schema == Self.schemaPrefix + String(Self.formatVersion) else {
      throw DecodingError.dataCorruptedError(
        forKey: .schema, in: container, debugDescription: "no receipt of this version")
    }
    ferry = try container.decode(String.self, forKey: .ferry)
    destination = try container.decode(String.self, forKey: .destination)
    archives = try container.decode([Archive].self, forKey: .archives)
    started = try container.decode(ReceiptTime.self, forKey: .started).date
    finished = try container.decode(ReceiptTime.self, forKey: .finished).date
    images = try container.decode([ReceivedImage].self, forKey: .images)
    try refuseTwoSizes(container)
  }

  /// A digest has one size, wherever it stands.
  private func refuseTwoSizes(_ container: KeyedDecodingContainer<CodingKeys>) throws {
    var sizes: [Digest: Int64] = [:]
    for blob in images.lazy.flatMap(\.blobs) {
      guard sizes.updateValue(blob.size, forKey: blob.digest) ?? blob.size == blob.size else {
        throw DecodingError.dataCorruptedError(
          forKey: .images, in: container, debugDescription: "two sizes for \(blob.digest)")
      }
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(Self.schemaPrefix + String(Self.formatVersion), forKey: .schema)
    try container.encode(ferry, forKey: .ferry)
    try container.encode(destination, forKey: .destination)
    try container.encode(archives, forKey: .archives)
    try container.encode(ReceiptTime(started), forKey: .started)
    try container.encode(ReceiptTime(finished), forKey: .finished)
    try container.encode(images, forKey: .images)
  }
}
