/// A manifest of an artifact alone, as ORAS and the first drafts of OCI 1.1 have it: blobs, and what they refer to.
/// Registries hold signatures and SBOMs in this form from the time before OCI manifests could refer to something.
public struct ArtifactManifest: Hashable, Sendable, Decodable {
  public let blobs: [Descriptor]
  /// What this manifest refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?

  private enum CodingKeys: String, CodingKey { case blobs, subject, artifactType, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // An artifact may be its annotations and nothing else; Go writes an empty list as null.
    blobs = try container.decodeIfPresent([Descriptor].self, forKey: .blobs) ?? []
    subject = try container.decodeIfPresent(Descriptor.self, forKey: .subject)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
  }
}
