import Images
import Transport

/// Where to ask for a token, and for what: a Bearer challenge, understood and found trustworthy.
struct TokenSource: Hashable, Sendable {
  let realm: HTTPURL
  /// What the challenge calls the registry; nil when it says nothing, and then it is not sent.
  let service: String?
  let scopes: [String]

  /// A challenge asks for one or two; more than this is no request for access to one repository.
  private static let mostScopes = 8

  /// Reads a Bearer challenge of the registry at `origin`, met by a request that needs `wanted`. What the
  /// challenge asks for is asked for as it stands, and what it leaves out is added.
  init(
    _ challenge: Challenge, wanting wanted: [Scope], origin: HTTPURL, rules: RealmRules
  ) throws(RegistryError) {
    let untrusted: (String, RealmRefusal) -> RegistryError = {
      .untrustedRealm(host: origin.authority, realm: $0.cut(), $1)
    }
    let realm: HTTPURL
    do { realm = try HTTPURL(challenge.realm ?? "") } catch {
      guard case .invalidURL(let shown, _) = error else { throw untrusted("", .malformed) }
      throw untrusted(shown, .malformed)
    }
    do { try rules.check(realm, for: origin) } catch { throw untrusted(realm.description, error) }
    self.realm = realm
    service = challenge.service
    let asked = (challenge.scope ?? "").split { $0 == " " || $0 == "\t" }.map(String.init)
    let kept = asked.filter { text in
      Scope(text).map { scope in !wanted.contains { $0.covers(scope) && $0 != scope } } ?? true
    }
    let granted = kept.compactMap { Scope($0) }
    let added = wanted.filter { scope in !granted.contains { $0.covers(scope) } }.map(\.description)
    scopes = Array((kept.prefix(Self.mostScopes) + added).prefix(2 * Self.mostScopes))
  }

  private init(realm: HTTPURL, service: String?, scopes: [String]) {
    self.realm = realm
    self.service = service
    self.scopes = scopes
  }

  /// The same without a scope, when what is asked for is the catalog: Quay's token server has no such scope, and
  /// its registry shows who asks his repositories without one.
  var withoutCatalog: Self? {
    guard scopes.contains(Scope.catalog.description) else { return nil }
    return Self(
      realm: realm, service: service, scopes: scopes.filter { $0 != Scope.catalog.description })
  }

  /// The query of a token request, as the specification names its parts.
  var query: [(name: String, value: String)] {
    (service.map { [("service", $0)] } ?? []) + scopes.map { ("scope", $0) }
  }
}
