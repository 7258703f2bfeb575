import Images

/// How the new registry is spoken to.
public struct MirrorConnection: Sendable {
  public let isPlainHTTP: Bool
  /// Any certificate is taken.
  public let isUnverified: Bool
  /// Its certificate is one that systems do not trust by themselves.
  public let hasOwnAuthority: Bool

  public init(isPlainHTTP: Bool = false, isUnverified: Bool = false, hasOwnAuthority: Bool = false) {
    self.isPlainHTTP = isPlainHTTP
    self.isUnverified = isUnverified
    self.hasOwnAuthority = hasOwnAuthority
  }

  /// `https://registry.example`, as what speaks the distribution API asks `host`.
  func address(of host: String, withPort: Bool = false) -> String {
    let name = host == "docker.io" ? "registry-1.docker.io" : host
    return (isPlainHTTP ? "http://" : "https://") + name + (withPort ? isPlainHTTP ? ":80" : ":443" : "")
  }
}

/// The files for what pulls by mirrors. What they name are references that were parsed, of ASCII that means nothing in YAML
/// or TOML; quoted all the same.
struct MirrorTexts: Sendable {
  private let rules: MirrorRules
  private let connection: MirrorConnection
  private let destination: RegistryLocation

  init(_ names: NameChanges, _ connection: MirrorConnection) {
    rules = MirrorRules(names)
    destination = names.destination
    self.connection = connection
  }

  /// containerd's `hosts.toml` of every old host that has a mirror, by the name of its directory.
  var hosts: [(directory: String, text: String)] {
    rules.hosts.compactMap { host in
      let (places, left) = rules.places(for: host)
      guard !places.isEmpty else { return nil }
      var text = """
        # containerd: where images of \(host) are now. Belongs into \(Self.directory(of: host)) below config_path.
        # Logins to the new registry are configured apart.\n
        """
      text += Self.notes(left)
      for place in places {
        let base = connection.address(of: place.host)
        text += "\n[host.\(toml(place.path.isEmpty ? base : "\(base)/v2/\(place.path)"))]\n"
        text += "  capabilities = [\"pull\", \"resolve\"]\n"
        if !place.path.isEmpty { text += "  override_path = true\n" }
        if connection.isUnverified { text += "  skip_verify = true\n" }
        if connection.hasOwnAuthority { text += "  # ca = \"the registry's CA certificate, on each node\"\n" }
      }
      return (Self.directory(of: host), text)
    }
  }

  /// Why an old host has no `hosts.toml`, a line for each.
  var hostsWithout: [String] {
    rules.hosts.compactMap { host in
      let (places, left) = rules.places(for: host)
      guard places.isEmpty, let first = left.first else { return nil }
      return left.contains { if case .sameHost = $0.reason { true } else { false } }
        ? "\(host): the new registry is the same host, and containerd's mirrors keep the path"
        : "\(host): \(first.old): \(first.reason.words)"
    }
  }

  /// containerd takes a host's port in this form on every system.
  static func directory(of host: String) -> String {
    guard !host.hasSuffix("]"), let colon = host.lastIndex(of: ":") else { return host }
    return "\(host[..<colon])_\(host[host.index(after: colon)...])_"
  }

  /// `registries.yaml` of k3s and RKE2.
  var k3s: String {
    var text = """
      # k3s and RKE2: where images are now. Belongs into /etc/rancher/k3s/registries.yaml or /etc/rancher/rke2/registries.yaml of
      # every node, with the registry's login below configs.\n
      """
    var mirrors = ""
    var endpoints: Set<String> = []
    for host in rules.hosts {
      let (rules, isSame, left) = rules.rewrites(for: host)
      text += Self.notes(left)
      guard !rules.isEmpty else { continue }
      let endpoint = connection.address(of: destination.host, withPort: isSame)
      endpoints.insert(String(endpoint.drop { $0 != "/" }.dropFirst(2)))
      mirrors += "  \(yaml(host)):\n    endpoint:\n      - \(yaml(endpoint))\n"
      let changed = rules.filter { $0.old.path != $0.new.path }
      if !changed.isEmpty { mirrors += "    rewrite:\n" }
      for rule in changed {
        mirrors += "      \(yaml("^\(Self.escaped(rule.old.path))$")): \(yaml(rule.new.path))\n"
      }
    }
    if isNamedWithPort {
      text += """
        # With its port the new registry counts as a mirror of its own host: without, k3s would not rewrite. Its login below
        # configs goes by \(destination.host):\(connection.isPlainHTTP ? "80" : "443").\n
        """
    }
    text += mirrors.isEmpty ? "mirrors: {}\n" : "mirrors:\n" + mirrors
    guard connection.isUnverified, !endpoints.isEmpty else { return text }
    return text + "configs:\n"
      + endpoints.sorted().map { "  \(yaml($0)):\n    tls:\n      insecure_skip_verify: true\n" }.joined()
  }

  private var isNamedWithPort: Bool {
    rules.hosts.contains { host in
      let (rules, isSame, _) = rules.rewrites(for: host)
      return isSame && !rules.isEmpty
    }
  }

  /// OpenShift's mirror sets, by digest and by tag.
  var openShift: String {
    let (byTag, left) = rules.prefixes
    var text = """
      # OpenShift 4.13 and later: where images are now, asked for by digest and by tag. oc apply -f openshift.yaml
      # What was converted or compressed on the way has another digest: names.tsv has both.\n
      """
    text += Self.notes(left, among: "in ImageTagMirrorSet")
    if connection.isPlainHTTP || connection.isUnverified {
      text += "# \(destination.host) belongs into insecureRegistries of image.config.openshift.io/cluster.\n"
    }
    func set(_ kind: String, _ list: String, _ rules: [(old: RegistryLocation, new: [RegistryLocation])]) {
      // Addresses of IPv6 are not taken.
      let rules = rules.filter { !$0.old.host.hasPrefix("[") && !destination.host.hasPrefix("[") }
      guard !rules.isEmpty else { return }
      text += """
        ---
        apiVersion: config.openshift.io/v1
        kind: \(kind)
        metadata:
          name: ferry-switch-over
        spec:
          \(list):\n
        """
      for rule in rules {
        text += "  - source: \(yaml(rule.old.description))\n    mirrors:\n"
        for new in rule.new { text += "    - \(yaml(new.description))\n" }
      }
    }
    set("ImageDigestMirrorSet", "imageDigestMirrors", rules.byDigest)
    set("ImageTagMirrorSet", "imageTagMirrors", byTag.map { ($0.old, [$0.new]) })
    return text
  }

  /// `registries.conf` of podman, skopeo and CRI-O.
  var podman: String {
    let (rules, left) = rules.prefixes
    var text = """
      # podman, skopeo, buildah, CRI-O: where images are now. Belongs into /etc/containers/registries.conf.d.\n
      """
    text += Self.notes(left)
    for rule in rules {
      text += """

        [[registry]]
        prefix = \(toml(rule.old.description))
        location = \(toml(rule.old.description))
        [[registry.mirror]]
        location = \(toml(rule.new.description))\n
        """
      if connection.isPlainHTTP || connection.isUnverified { text += "insecure = true\n" }
    }
    return text
  }

  /// What is left out, a line of comment for each.
  static func notes(_ left: [MirrorRules.Left], among place: String = "here") -> String {
    left.map { "# Not \(place): \($0.old): \($0.reason.words).\n" }.joined()
  }

  /// A path as a regular expression that means it alone.
  private static func escaped(_ path: String) -> String { path.replacing(".", with: "\\.") }
}

/// A text as a scalar of YAML.
func yaml(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }

/// A text as a string of TOML.
private func toml(_ text: String) -> String {
  "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
}

extension MovedRepository.Reason {
  /// Why a repository is in no rule.
  var words: String {
    switch self {
    case .unconfirmed: "not all of its images are confirmed"
    case .unknown: "a receipt does not say what else there was of it; name the archives"
    case .divided: "its images went to several repositories"
    case .joined(let new): "\(new) has another repository's images too"
    case .renamed: "images of it have other tags or digests now"
    case .otherPath: "its new path is not the old one behind a prefix, and mirrors keep the path"
    case .sameHost: "the new registry is at the old one's host"
    case .misleading(let other): "its rule would give another image for \(other)"
    case .above(let other): "its rule would hold for \(other) too, for which none is right"
    }
  }
}
