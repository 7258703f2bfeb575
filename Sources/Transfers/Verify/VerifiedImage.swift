public import Images

/// One image of a verified archive.
public struct VerifiedImage: Sendable {
  /// As `index.json` calls it.
  public let name: String
  public let root: Descriptor
  /// Its manifests, configs and layers, each once, as far as its manifests could be followed.
  public let parts: [Descriptor]

  /// In bytes.
  public var size: Int64 { parts.map(\.size).saturatingSum() }
}
