/// One way to authenticate that a `WWW-Authenticate` header offers (RFC 9110 §11.6.1, and the token
/// specification of distribution).
public struct Challenge: Hashable, Sendable {
  /// The scheme's name in lower case: `bearer`, `basic`, or one Ferry does not speak.
  public let scheme: String
  /// The parameters by lower-case name; of duplicates the first.
  public let parameters: [String: String]

  public init(scheme: String, parameters: [String: String] = [:]) {
    self.scheme = scheme
    self.parameters = parameters
  }

  /// Where a Bearer challenge sends for a token.
  public var realm: String? { parameter("realm") }
  public var service: String? { parameter("service") }
  public var scope: String? { parameter("scope") }
  /// Why a token was not accepted: `invalid_token`, `insufficient_scope`.
  public var error: String? { parameter("error") }

  public var isBasic: Bool { scheme == "basic" }
  /// A Bearer challenge that can be answered: one with a realm.
  public var isUsableBearer: Bool { scheme == "bearer" && realm != nil }

  /// An empty value says nothing: `nvcr.io` sends `scope=""`.
  private func parameter(_ name: String) -> String? {
    parameters[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// All challenges of the header's lines, in order. Never fails: what cannot be read is skipped.
  public static func parse(_ lines: [String]) -> [Challenge] {
    var challenges: [Challenge] = []
    for line in lines.prefix(mostLines) {
      var parser = ChallengeParser(line)
      challenges += parser.challenges()
    }
    return challenges
  }

  /// Far more than any registry sends, and a bound for a hostile one.
  static let mostLines = 16
}
