import FoundationEssentials

public import Registry

/// An API key of DGX or NGC. Prints without its secret, however it is printed.
public struct APIKey: Hashable, Sendable {
  let secret: String

  /// The user name that stands beside a key where a user name is needed.
  static let username = "$oauthtoken"

  /// Personal keys have about 70 characters; a header holds some kilobytes.
  private static let longest = 8 << 10

  /// Takes a key; nil when it is empty, too long, or holds anything but visible ASCII characters.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.count <= Self.longest,
      text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    secret = text
  }

  /// The key in a registry's credential; nil when that is a password or an identity token.
  public init?(_ credential: Credential) {
    guard case .basic(Self.username, let password) = credential else { return nil }
    self.init(password)
  }

  public var shape: KeyShape { KeyShape(of: secret) }

  /// The key in base64, as both services want it after the word for their scheme.
  var encoded: String { Data(secret.utf8).base64EncodedString() }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "an API key" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a key looks like. Good for warnings and for whom to ask first, never to decide what a key is:
/// NVIDIA's own tool took every key of 40 characters for a DGX key and failed people by it
/// (ngc-container-replicator issue #15).
public enum KeyShape: Hashable, Sendable, CaseIterable {
  /// 40 characters: DGX keys have that length.
  case dgx
  /// `nvapi-…`: an NGC personal or service key.
  case nvapi
  /// 84 characters of base64: NGC's legacy keys.
  case ngcLegacy
  case unknown

  /// What `text` looks like.
  init(of text: String) {
    let isWord = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    self =
      switch text.utf8.count {
      case _ where !isWord: .unknown
      case _ where text.hasPrefix("nvapi-"): .nvapi
      case 40: .dgx
      case 84: .ngcLegacy
      default: .unknown
      }
  }

  /// The service such a key is most likely for.
  public var suggests: NVIDIAService? {
    switch self {
    case .dgx: .dgx
    case .nvapi, .ngcLegacy: .ngc
    case .unknown: nil
    }
  }
}
