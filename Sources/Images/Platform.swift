/// The operating system and processor an image runs on (image-spec `image-index.md`).
public struct Platform: Hashable, Sendable, Codable {
  public let os: String
  public let architecture: String
  public let variant: String?
  /// The version of Windows that it was built on, by which hosts of one platform choose among several images. It is no part of
  /// what the platform is called and compared by.
  public let osVersion: String?

  private enum CodingKeys: String, CodingKey {
    case os, architecture, variant
    case osVersion = "os.version"
  }

  public init(os: String, architecture: String, variant: String? = nil, osVersion: String? = nil) {
    self.os = os
    self.architecture = architecture
    self.variant = variant
    self.osVersion = osVersion
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      os: try container.decode(String.self, forKey: .os),
      architecture: try container.decode(String.self, forKey: .architecture),
      variant: try container.decodeIfPresent(String.self, forKey: .variant),
      // Nobody else reads it: what is no text is none.
      osVersion: try? container.decodeIfPresent(String.self, forKey: .osVersion))
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.os == right.os && left.architecture == right.architecture && left.variant == right.variant
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(os)
    hasher.combine(architecture)
    hasher.combine(variant)
  }

  /// Parses `os/architecture[/variant]`; nil for anything else. `x86_64`, `aarch64` and `armhf` are
  /// understood as docker does.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2 || parts.count == 3 else { return nil }
    let isSound: (String) -> Bool = { part in
      !part.isEmpty
        && part.utf8.allSatisfy {
          $0 < 128
            && ($0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
              || Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber)
        }
    }
    guard parts.allSatisfy(isSound) else { return nil }
    var variant = parts.count == 3 ? parts[2].lowercased() : nil
    let architecture: String
    switch parts[1].lowercased() {
    case "x86_64", "x86-64": architecture = "amd64"
    case "aarch64": architecture = "arm64"
    case "armhf":
      architecture = "arm"
      variant = variant ?? "v7"
    case let other: architecture = other
    }
    self.init(os: parts[0].lowercased(), architecture: architecture, variant: variant)
  }

  /// Whether an image for `self` is what someone who asks for `wanted` means: a variant that was not
  /// asked for does not matter, and arm64 is arm64/v8.
  public func satisfies(_ wanted: Platform) -> Bool {
    guard os == wanted.os, architecture == wanted.architecture else { return false }
    guard let wantedVariant = wanted.variant else { return true }
    return (variant ?? impliedVariant) == wantedVariant
  }

  private var impliedVariant: String? { architecture == "arm64" ? "v8" : nil }

  /// What buildkit writes as the platform of an attestation: it runs nowhere.
  public var isUnknown: Bool { os == "unknown" && architecture == "unknown" }
}

extension Platform: CustomStringConvertible {
  public var description: String {
    ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/")
  }
}
