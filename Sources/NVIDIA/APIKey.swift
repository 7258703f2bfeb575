import FoundationEssentials

public import Registry

/// An API key of DGX or NGC. Prints without its secret, however it is printed.
public struct APIKey: Hashable, Sendable {
  let secret: String

  /// The user name that stands beside a key where a user name is needed.
  public static let username = "$oauthtoken"

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
