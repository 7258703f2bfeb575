/// A media type as the OCI image-spec (`media-types.md`) and Docker's image manifest v2 name it.
public struct MediaType: RawRepresentable, Hashable, Sendable, Codable {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// Types that are in manifests by the million share one text.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    self = Self.usual[text] ?? Self(rawValue: text)
  }

  private static let usual = Dictionary(
    uniqueKeysWithValues: [
      ociManifest, ociIndex, ociConfig, ociEmpty, ociLayer, ociGzipLayer, ociZstdLayer, dockerManifest,
      dockerManifestList, dockerConfig, dockerLayer, dockerGzipLayer,
    ].map { ($0.rawValue, $0) })

  public static let ociManifest = Self(rawValue: "application/vnd.oci.image.manifest.v1+json")
  public static let ociIndex = Self(rawValue: "application/vnd.oci.image.index.v1+json")
  public static let ociConfig = Self(rawValue: "application/vnd.oci.image.config.v1+json")
  static let ociEmpty = Self(rawValue: "application/vnd.oci.empty.v1+json")
  public static let octetStream = Self(rawValue: "application/octet-stream")
  public static let ociLayer = Self(rawValue: "application/vnd.oci.image.layer.v1.tar")
  public static let ociGzipLayer = Self(rawValue: "application/vnd.oci.image.layer.v1.tar+gzip")
  public static let ociZstdLayer = Self(rawValue: "application/vnd.oci.image.layer.v1.tar+zstd")
  public static let dockerManifest = Self(
    rawValue: "application/vnd.docker.distribution.manifest.v2+json")
  public static let dockerManifestList = Self(
    rawValue: "application/vnd.docker.distribution.manifest.list.v2+json")
  public static let dockerConfig = Self(rawValue: "application/vnd.docker.container.image.v1+json")
  public static let dockerLayer = Self(rawValue: "application/vnd.docker.image.rootfs.diff.tar")
  public static let dockerGzipLayer = Self(rawValue: "application/vnd.docker.image.rootfs.diff.tar.gzip")
  public static let dockerSchema1 = Self(
    rawValue: "application/vnd.docker.distribution.manifest.v1+json")
  public static let dockerSchema1Signed = Self(
    rawValue: "application/vnd.docker.distribution.manifest.v1+prettyjws")

  /// What came before an OCI manifest could have a `subject`: an artifact's manifest of its own kind.
  public static let ociArtifact = Self(rawValue: "application/vnd.oci.artifact.manifest.v1+json")
  public static let orasArtifact = Self(rawValue: "application/vnd.cncf.oras.artifact.manifest.v1+json")

  /// Every manifest a registry may answer with, for `Accept`. Schema 1 is asked for too: a registry that
  /// holds nothing else then says so instead of answering "not found".
  public static let manifests: [Self] = [
    .ociIndex, .ociManifest, .dockerManifestList, .dockerManifest, .ociArtifact, .orasArtifact,
    .dockerSchema1Signed, .dockerSchema1,
  ]

  /// One of Docker's own, which OCI's are like.
  public var isDocker: Bool { rawValue.hasPrefix("application/vnd.docker.") }

  /// A list of other manifests: an OCI index or a Docker manifest list.
  public var isIndex: Bool { self == .ociIndex || self == .dockerManifestList }

  /// A manifest of one image or artifact.
  public var isImageManifest: Bool { self == .ociManifest || self == .dockerManifest }

  /// A manifest that lists blobs and has no config.
  public var isArtifactManifest: Bool { self == .ociArtifact || self == .orasArtifact }

  /// Content that the distribution API serves under `/manifests/`.
  public var isManifest: Bool { isIndex || isImageManifest || isArtifactManifest }

  /// Whether it may be the type of a manifest that Ferry does not know: one that names a format, in a form that a registry
  /// can be told.
  public var mayBeOpaque: Bool {
    !isManifest && !isSchema1 && !saysNothing && !rawValue.hasPrefix("text/") && isWellFormed
      && !MediaType(contentType: rawValue).isManifest
  }

  /// Whether it has the form of a media type (RFC 6838), so that it can stand in a header.
  var isWellFormed: Bool {
    let parts = rawValue.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        (1...127).contains(part.count)
          && part.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
              UInt8(ascii: "0")...UInt8(ascii: "9"):
              true
            default: "!#$&-^_.+".utf8.contains(byte)
            }
          }
      }
  }

  public var isSchema1: Bool { self == .dockerSchema1 || self == .dockerSchema1Signed }

  /// A runnable image's configuration, which lists `diff_ids`.
  public var isImageConfig: Bool { self == .ociConfig || self == .dockerConfig }

  /// Whether it names a format of somebody's, as all manifests' types do, and not one of the world's.
  public var isOfVendor: Bool { rawValue.hasPrefix("application/vnd.") }

  /// What servers say of content whose type they do not know. Docker takes anything of it for what it needs there.
  var saysNothing: Bool {
    ["", "application/octet-stream", "application/json", "text/html"].contains(rawValue)
  }

  /// A layer that a registry need not hold, because its descriptor names `urls` to fetch it from.
  public var isForeignLayer: Bool {
    rawValue.hasPrefix("application/vnd.oci.image.layer.nondistributable.")
      || rawValue.hasPrefix("application/vnd.docker.image.rootfs.foreign.")
  }

  /// A file-system layer, the only content whose decompressed form a config's `diff_ids` name.
  public var isLayer: Bool {
    rawValue.hasPrefix("application/vnd.oci.image.layer.")
      || rawValue.hasPrefix("application/vnd.docker.image.rootfs.")
  }

  /// A layer whose content Ferry can get at, and compare with what its config says: a tar, as it is or compressed, and neither
  /// encrypted nor of a form of its own, as nydus has.
  public var isComparableLayer: Bool {
    guard isLayer, let last = rawValue.split(separator: ".").last else { return false }
    return ["tar", "gzip", "zstd", "xz"].contains(last)
      || ["tar+gzip", "tar+zstd", "tar+xz"].contains(last)
  }

  /// Content of which it is known that it lists no other by digest.
  var listsNothing: Bool {
    isLayer || isImageConfig || self == .ociEmpty
      || rawValue.hasPrefix("application/vnd.buildkit.cacheconfig.") || rawValue.hasPrefix("text/")
  }

  /// Whether it may be a manifest's that Ferry does not know, and is not known to be of anything else.
  public var mayListContent: Bool { mayBeOpaque && !listsNothing }

  /// The type that an uncompressed layer has once it is compressed with gzip; nil for anything else.
  public var compressedLayer: Self? {
    switch self {
    case .ociLayer: .ociGzipLayer
    case .dockerLayer: .dockerGzipLayer
    default: nil
    }
  }

  /// The type without its parameters, as a `Content-Type` header carries it.
  public init(contentType: String) {
    let type = contentType.prefix { $0 != ";" }
    let start = type.firstIndex { $0 != " " && $0 != "\t" } ?? type.endIndex
    let end = type.lastIndex { $0 != " " && $0 != "\t" }.map(type.index(after:)) ?? type.endIndex
    self.init(rawValue: start < end ? type[start..<end].lowercased() : "")
  }
}

extension MediaType: CustomStringConvertible {
  public var description: String { rawValue }
}
