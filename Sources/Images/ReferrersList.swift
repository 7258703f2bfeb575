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
      members = try JSONDecoder().decode([String: JSONValue].self, from: Data(manifest.bytes))
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
    if let annotations = referrer.annotations, !annotations.isEmpty {
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

  /// The manifest that the content refers to.
  public let subject: Digest
  public let kind: Kind

  private static let prefix = "sha256-"

  public init(_ kind: Kind, of subject: Digest) {
    self.subject = subject
    self.kind = kind
  }

  /// Reads a tag; nil when it is of another form.
  public init?(_ tag: some StringProtocol) {
    guard tag.utf8.starts(with: Self.prefix.utf8) else { return nil }
    let rest = tag.dropFirst(Self.prefix.count)
    guard let subject = Digest(hex: String(rest.prefix(64))),
      let kind = Kind(rawValue: String(rest.dropFirst(64)))
    else { return nil }
    self.init(kind, of: subject)
  }

  public var tag: String { Self.prefix + subject.hex + kind.rawValue }
}
