public import Digests

/// An index of some of the manifests that another one lists, to stand in its place where the rest is left out: readers such as
/// containerd refuse an index of which a part is missing. Whatever else the other one says, and says of each entry, stays.
///
/// The same entries of the same index always give the same bytes.
public enum PlatformIndex {
  /// The annotation with the digest of the index that it stands in place of.
  public static let originAnnotation = "org.ferry.index.digest"

  /// The index of those entries of `index` whose digests `keeps` accepts; `index` itself when these are all. Throws
  /// ``ManifestError`` where it cannot be written anew without a change to what it says.
  public static func index(
    of index: Manifest, keeping keeps: (Digest) -> Bool
  ) throws(ManifestError) -> Manifest {
    guard case .index(let content) = index.content, !content.manifests.allSatisfy({ keeps($0.digest) })
    else { return index }
    let document: JSONValue
    do { document = try DocumentShape.index.decode(JSONValue.self, from: index.bytes) } catch {
      throw .malformed(.json(error.jsonFault))
    }
    guard document.isExact else { throw .malformed(.inexactNumber) }
    var members = document.members ?? [:]
    // The entries are those that were decoded, in their order.
    let kept = zip(members["manifests"]?.elements ?? [], content.manifests).filter { keeps($1.digest) }
    members["manifests"] = .array(kept.map { $0.0 })
    var annotations = members["annotations"]?.members ?? [:]
    annotations[originAnnotation] = .string(index.digest.description)
    members["annotations"] = .object(annotations)
    return try index.rewritten(JSONValue.object(members).bytes)
  }
}

/// What can be read of an index of which single entries cannot: who asks for one platform needs no more.
public struct ReadableIndex: Sendable {
  /// The manifests that it lists and that can be told.
  public let children: [Descriptor]
  /// What the others are for, as far as that can be read.
  public let lost: [Platform]

  /// Reads `bytes`, which their descriptor calls an index. Throws ``ManifestError`` where something else is wrong with them.
  public init(bytes: [UInt8], mediaType: MediaType) throws(ManifestError) {
    let document: JSONValue
    do {
      document = try DocumentShape.index.decode(JSONValue.self, from: bytes, within: .image)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
    var members = document.members ?? [:]
    var readable: [JSONValue] = []
    var lost: [Platform] = []
    for entry in members["manifests"]?.elements ?? [] {
      if (try? DocumentShape.loose.decode(Descriptor.self, from: entry.bytes)) != nil {
        readable.append(entry)
      } else if let platform = entry.members?["platform"],
        let read = try? DocumentShape.loose.decode(Platform.self, from: platform.bytes)
      {
        lost.append(read)
      }
    }
    members["manifests"] = .array(readable)
    children = try Manifest(bytes: JSONValue.object(members).bytes, mediaType: mediaType).children
    self.lost = lost
  }
}
