import FoundationEssentials

extension AuthFile {
  /// One member of `auths`.
  struct Entry: Decodable, Sendable {
    var auth: String?
    var username: String?
    var password: String?
    var identitytoken: String?
    /// What is sent to the registry itself as it is.
    var registrytoken: String?

    /// docker leaves an empty entry where a store holds the secret.
    var isEmpty: Bool {
      [auth, username, password, identitytoken, registrytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// Whether there is a login, and none that Ferry uses.
    var isRegistryTokenAlone: Bool {
      !isEmpty && [auth, username, password, identitytoken].allSatisfy { $0?.isEmpty ?? true }
    }

    /// nil when `auth` is no base64 of `user:password`, or half of the pair is missing.
    var credential: Credential? {
      let pair = Self.pair(auth)
      if let identitytoken, !identitytoken.isEmpty {
        return .identityToken(username: pair?.username ?? username ?? "", token: identitytoken)
      }
      if let auth, !auth.isEmpty {
        return pair.map { .basic(username: $0.username, password: $0.password) }
      }
      guard let username, let password, !username.isEmpty else { return nil }
      return .basic(username: username, password: password)
    }

    private static func pair(_ auth: String?) -> (username: String, password: String)? {
      guard let auth, let bytes = Data(base64Encoded: auth, options: .ignoreUnknownCharacters) else {
        return nil
      }
      var text = String(decoding: [UInt8](bytes), as: UTF8.self)[...]
      // docker pads passwords with zeros.
      while text.hasSuffix("\0") { text = text.dropLast() }
      guard let colon = text.firstIndex(of: ":"), colon > text.startIndex else { return nil }
      return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
  }
}
