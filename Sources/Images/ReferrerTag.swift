public import Digests

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
