public import Digests
import Files
import FoundationEssentials
import Images

/// One line of the journal beside an unfinished archive.
public enum JournalRecord: Hashable, Sendable {
  /// What is being written from here on; cut into volumes of a size in bytes, or into one file.
  case plan(archive: Digest, images: [JournalImage], volumeSize: Int64? = nil)
  /// What lies at a blob's place.
  case progress(JournalClaim)
  /// `count` bytes of a blob, from its byte `first` on, were copied to `offset` in the file.
  case moved(Digest, first: Int64, count: Int64, offset: Int64)
  /// Whatever was there of a blob is needed no longer.
  case forgotten(Digest)
  /// All is proved; from here on the archive's so many volumes get their final names, one after the other.
  case publishing(Int)
  /// Single volumes of an archive are written, by their numbers; they are not resumed.
  case rewriting(archive: Digest, volumes: [Int])

  /// A journal of another version says nothing to this Ferry.
  static let formatVersion: Int64 = 1

  /// The record with its line end.
  var line: [UInt8] {
    let json: JSONValue
    switch self {
    case .plan(let archive, let images, let volumeSize):
      let images = images.map { image in
        var members: [String: JSONValue] = [
          "name": .string(image.name), "digest": .string(image.digest.description),
        ]
        if let from = image.convertedFrom { members["convertedFrom"] = .string(from.description) }
        return JSONValue.object(members)
      }
      var members: [String: JSONValue] = [
        "plan": .string(archive.description), "version": .integer(Self.formatVersion),
        "images": .array(images),
      ]
      if let volumeSize { members["volumeSize"] = .integer(volumeSize) }
      json = .object(members)
    case .progress(let claim):
      json = .object([
        "blob": .string(claim.blob.description), "size": .integer(claim.size),
        "offset": .integer(claim.offset), "have": .integer(claim.have),
        "content": .string(claim.content.description),
      ])
    case .moved(let blob, let first, let count, let offset):
      json = .object([
        "moved": .string(blob.description), "first": .integer(first), "count": .integer(count),
        "offset": .integer(offset),
      ])
    case .forgotten(let blob): json = .object(["forgotten": .string(blob.description)])
    case .publishing(let count): json = .object(["publishing": .integer(Int64(count))])
    case .rewriting(let archive, let volumes):
      json = .object([
        "rewriting": .string(archive.description), "version": .integer(Self.formatVersion),
        "volumes": .array(volumes.map { .integer(Int64($0)) }),
      ])
    }
    return json.bytes + [UInt8(ascii: "\n")]
  }

  /// Reads a line; nil for anything that is no record: a line cut short, another version, nonsense.
  init?(line: [UInt8]) {
    struct Fields: Decodable {
      let plan: Digest?
      let version: Int64?
      let images: [JournalImage]?
      let blob: Digest?
      let size: Int64?
      let offset: Int64?
      let have: Int64?
      let content: Digest?
      let moved: Digest?
      let first: Int64?
      let count: Int64?
      let forgotten: Digest?
      let volumeSize: Int64?
      let publishing: Int?
      let rewriting: Digest?
      let volumes: [Int]?
    }
    guard let fields = try? DocumentShape.loose.decode(Fields.self, from: Array(line), within: .lists) else {
      return nil
    }
    if let plan = fields.plan {
      guard fields.version == Self.formatVersion, let images = fields.images else { return nil }
      guard fields.volumeSize.map({ (1...VolumeName.largestSize).contains($0) }) ?? true else { return nil }
      self = .plan(archive: plan, images: images, volumeSize: fields.volumeSize)
    } else if let blob = fields.blob {
      guard let size = fields.size, let offset = fields.offset, let have = fields.have,
        let content = fields.content,
        let claim = JournalClaim(blob: blob, size: size, offset: offset, have: have, content: content)
      else { return nil }
      self = .progress(claim)
    } else if let blob = fields.moved {
      guard let first = fields.first, let count = fields.count, let offset = fields.offset,
        (0..<Descriptor.largestSize).contains(first), (1...Descriptor.largestSize - first).contains(count),
        JournalClaim.offsets.contains(offset)
      else { return nil }
      self = .moved(blob, first: first, count: count, offset: offset)
    } else if let blob = fields.forgotten {
      self = .forgotten(blob)
    } else if let count = fields.publishing {
      guard (1...VolumeName.most).contains(count) else { return nil }
      self = .publishing(count)
    } else if let archive = fields.rewriting {
      guard fields.version == Self.formatVersion, let volumes = fields.volumes else { return nil }
      self = .rewriting(archive: archive, volumes: volumes)
    } else {
      return nil
    }
  }
}

/// An image that a journal's archive is to hold.
public struct JournalImage: Hashable, Sendable, Codable {
  /// Its full reference.
  public let name: String
  /// Its root's.
  public let digest: Digest
  /// What registries know it by before it is converted; nil where it is not.
  public let convertedFrom: Digest?

  public init(name: String, digest: Digest, convertedFrom: Digest? = nil) {
    self.name = name
    self.digest = digest
    self.convertedFrom = convertedFrom
  }

  public init(_ image: LayoutImage) {
    self.init(name: image.name, digest: image.root.digest, convertedFrom: image.convertedFrom)
  }

  /// What it was asked for by. A name by digest is another one before it is known what the image becomes, and after.
  public var requestedName: String {
    guard let convertedFrom, name.hasSuffix("@\(digest)") else { return name }
    return name.dropLast("\(digest)".count) + "\(convertedFrom)"
  }
}

/// That the first `have` bytes of a blob lie at an offset of the file, and what they hash to. It may be wrong:
/// the machine may have lost what it had not yet put on the disk.
public struct JournalClaim: Hashable, Sendable {
  public let blob: Digest
  /// The whole blob's size, in bytes.
  public let size: Int64
  /// Where the blob begins in the file.
  public let offset: Int64
  public let have: Int64
  /// The sha256 of the first `have` bytes.
  public let content: Digest

  /// Where anything of an archive can lie.
  static let offsets: ClosedRange<Int64> = 0...1 << 61

  /// nil when the numbers make no sense.
  public init?(blob: Digest, size: Int64, offset: Int64, have: Int64, content: Digest) {
    guard (1...Descriptor.largestSize).contains(size), (1...size).contains(have),
      Self.offsets.contains(offset)
    else { return nil }
    self.blob = blob
    self.size = size
    self.offset = offset
    self.have = have
    self.content = content
  }
}
