public import Digests
import FoundationEssentials

/// The list of a manifest's referrers that clients keep under a tag where a registry has no referrers API
/// (distribution-spec, "Pushing Manifests with Subject"): an index that is read, added to and written again.
///
/// What others wrote into it stays as it stands, known to Ferry or not.
public struct ReferrersList: Sendable {
  private var members: [String: JSONValue]
  private var entries: [JSONValue]
  /// What it lists.
  public private(set) var digests: Set<Digest>

  /// A list of nothing.
  public init() {
    members = ["schemaVersion": .integer(2), "mediaType": .string(MediaType.ociIndex.rawValue)]
    entries = []
    digests = []
  }

  /// The list in `manifest`. Throws ``ManifestError/unknownType(_:)`` for anything but an OCI index.
  public init(_ manifest: Manifest) throws(ManifestError) {
    guard manifest.mediaType == .ociIndex else { throw .unknownType(manifest.mediaType.rawValue) }
    do {
      members = try DocumentShape.loose.decode([String: JSONValue].self, from: manifest.bytes)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
    guard case .array(let entries) = members["manifests"] else {
      throw .malformed(.noList)
    }
    self.entries = entries
    digests = Set(entries.compactMap(Self.digest))
  }

  private static func digest(_ entry: JSONValue) -> Digest? {
    entry.members?["digest"]?.text.flatMap { try? Digest($0) }
  }

  /// Lists a referrer, with its type and annotations as the specification wants them. False when it is listed
  /// already.
  @discardableResult
  public mutating func add(_ referrer: Manifest) -> Bool {
    guard digests.insert(referrer.digest).inserted else { return false }
    var entry = JSONValue.descriptor(referrer.descriptor)
    if let type = referrer.artifactType { entry["artifactType"] = .string(type) }
    if let annotations = referrer.allAnnotations, !annotations.isEmpty {
      entry["annotations"] = .object(annotations.mapValues { .string($0) })
    }
    entries.append(.object(entry))
    return true
  }

  /// Takes over what another list has and this one has not. False when that is nothing.
  @discardableResult
  public mutating func add(_ other: ReferrersList) -> Bool {
    var isChanged = false
    for entry in other.entries {
      guard let digest = Self.digest(entry), digests.insert(digest).inserted else { continue }
      entries.append(entry)
      isChanged = true
    }
    return isChanged
  }

  /// The list as it is stored. Throws ``ManifestError/tooLarge(_:)``.
  public func manifest() throws(ManifestError) -> Manifest {
    let document = members.merging(["manifests": .array(entries)]) { $1 }
    return try Manifest(bytes: JSONValue.object(document).bytes, mediaType: .ociIndex)
  }
}

/// A tag that says by its form which manifest its content refers to.
///
/// A tag has no room for more than 64 digits of a digest: of a longer one it does not tell which it is.
public struct ReferrerTag: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The list of a manifest's referrers, on registries without the referrers API (distribution-spec,
    /// "Referrers Tag Schema").
    case list = ""
    /// cosign's.
    case signature = ".sig"
    case attestation = ".att"
    case sbom = ".sbom"
  }

  /// The tag itself.
  public let tag: String
  /// The manifest that the content refers to; nil where a tag that was read does not tell.
  public let subject: Digest?
  public let kind: Kind

  private static let longest = 64

  /// Of a digest that a tag has no room for, other kinds than a list have no tag that registries take.
  public init(_ kind: Kind, of subject: Digest) {
    self.subject = subject
    self.kind = kind
    let hex = kind == .list ? String(subject.hex.prefix(Self.longest)) : subject.hex
    tag = "\(subject.algorithm.rawValue)-\(hex)\(kind.rawValue)"
  }

  /// Reads a tag; nil when it is of another form.
  public init?(_ tag: some StringProtocol) {
    guard let algorithm = Digest.Algorithm.allCases.first(where: { tag.hasPrefix("\($0.rawValue)-") }) else {
      return nil
    }
    let rest = tag.dropFirst(algorithm.rawValue.count + 1)
    // Whatever the algorithm, so many digits are in it.
    guard let digits = Digest(hex: String(rest.prefix(Self.longest))),
      let kind = Kind(rawValue: String(rest.dropFirst(Self.longest))),
      algorithm == .sha256 || kind == .list
    else { return nil }
    self.tag = String(tag)
    self.kind = kind
    subject = algorithm == .sha256 ? digits : nil
  }

  public static func == (left: Self, right: Self) -> Bool { left.tag == right.tag }

  public func hash(into hasher: inout Hasher) { hasher.combine(tag) }
}
