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

extension ImportResult {
  /// What the destination has confirmed in this run: images that were pushed and read back, and those that it had
  /// already under the same digest, unless something of them failed behind that.
  var confirmedImages: [ImportImage] {
    let read = Dictionary(pushed.map { ($0.name, $0) }) { first, _ in first }
    let failed = Set(failures.map(\.image))
    return prepared.images.filter { !failed.contains($0.source) }.map { read[$0.name] ?? $0 }.filter {
      $0.confirmedAt != nil
    }
  }

  /// The receipt of ``confirmedImages``. `started` is when the run began, `ferry` this program's version.
  public func receipt(ferry: String, started: Date) -> Receipt {
    Receipt(
      ferry: ferry, destination: prepared.destination.description,
      archives: prepared.archives.map { archive in
        Receipt.Archive(name: Receipt.name(of: archive.path), digest: archive.digest)
      }, started: started, finished: Date(), images: confirmedImages.compactMap(ReceivedImage.init))
  }
}

extension Receipt {
  /// What a receipt calls the archive at `path`.
  static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}

extension ReceivedImage {
  /// nil for an image that the destination has not confirmed.
  fileprivate init?(_ image: ImportImage) {
    guard let confirmedAt = image.confirmedAt else { return nil }
    var parts = image.tree.parts
    // A list of referrers that was added to another is not there as such; what it lists is.
    if let list = image.list {
      parts = [list] + parts.filter { $0.digest != image.digest && $0.digest != list.digest }
    }
    let digest = image.list?.digest ?? image.digest
    let original = image.compression?.original ?? image.digest
    self.init(
      source: image.source, target: image.target, digest: digest,
      archiveDigest: original == digest ? nil : original, schema1Digest: image.schema1Digest,
      indexDigest: image.indexDigest, givenDigest: image.givenDigest,
      size: parts.map(\.size).saturatingSum(), confirmedAt: confirmedAt, blobs: parts)
  }
}

/// A moment as receipts write it: RFC 3339 in UTC, to the second (`2026-11-23T17:41:35Z`).
struct ReceiptTime: Codable {
  let date: Date

  init(_ date: Date) { self.date = date }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    // The one form: what reads the same when it is written again.
    guard text.utf8.count == 20, let date = try? Date(text, strategy: .iso8601),
      date.formatted(.iso8601) == text
    else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no time in UTC")
    }
    self.date = date
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(date.formatted(.iso8601))
  }
}
