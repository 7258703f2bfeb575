import Images

/// The rules by which what pulls old names finds the new ones without being changed: mirrors, of whole repositories. Whoever
/// reads them applies them to tags and repositories that nobody has told of too, so that a repository is in no rule unless
/// all that is known of it is right by it, and of other repositories nothing becomes wrong.
struct MirrorRules: Sendable {
  typealias Rule = (old: RegistryLocation, new: RegistryLocation)
  typealias Left = (old: RegistryLocation, reason: MovedRepository.Reason)

  private let names: NameChanges
  /// The old registries' hosts, in order.
  let hosts: [String]

  init(_ names: NameChanges) {
    self.names = names
    hosts = Set(names.repositories.map(\.old.host)).sorted()
  }

  /// What is known of the repositories at an old host.
  private func repositories(at host: String) -> [MovedRepository] {
    names.repositories.filter { $0.old.host == host }
  }

  /// containerd's mirrors of `host`: the place, a registry and a prefix, below which a repository has its old path. It asks
  /// each for every repository.
  func places(for host: String) -> (places: [RegistryLocation], left: [Left]) {
    let repositories = repositories(at: host)
    var left: [Left] = []
    var byPlace: [RegistryLocation: [RegistryLocation]] = [:]
    for repository in repositories {
      let old = repository.old
      if let reason = repository.reason { left.append((old, reason)) }
      guard let new = repository.new else { continue }
      if new.host == host {
        left.append((old, .sameHost))
      } else if new.path == old.path {
        byPlace[RegistryLocation(host: new.host), default: []].append(old)
      } else if new.path.hasSuffix("/\(old.path)") {
        let prefix = String(new.path.dropLast(old.path.utf8.count + 1))
        byPlace[RegistryLocation(host: new.host, path: prefix), default: []].append(old)
      } else {
        left.append((old, .otherPath))
      }
    }
    var places: [RegistryLocation] = []
    for (place, served) in byPlace.sorted(by: { $0.key.description < $1.key.description }) {
      let misled = repositories.first { repository in
        let asked = RegistryLocation(host: place.host, path: place.appending(repository.old.path))
        return asked != repository.new && names.origins[asked] != nil
      }
      if let misled {
        left += served.map { ($0, .misleading(misled.old)) }
      } else {
        places.append(place)
      }
    }
    return (places, Self.sorted(left))
  }

  /// k3s's mirror of `host`: which paths are asked for under which; all others are asked for there as they are. `isSame`
  /// where the new registry is at the old one's host.
  func rewrites(for host: String) -> (rules: [Rule], isSame: Bool, left: [Left]) {
    let repositories = repositories(at: host)
    let isSame = host == names.destination.host
    var left: [Left] = repositories.compactMap { repository in repository.reason.map { (repository.old, $0) }
    }
    let rules: [Rule] = repositories.compactMap { repository in repository.new.map { (repository.old, $0) } }
    let misled = left.first { left in
      !isSame && names.origins[RegistryLocation(host: names.destination.host, path: left.old.path)] != nil
    }
    // A mirror that is called as the registry itself is passed over, unless it names the usual port.
    let isUnnamed = isSame && host.contains(":")
    guard misled == nil, !isUnnamed else {
      left += rules.map { ($0.old, misled.map { .misleading($0.old) } ?? .sameHost) }
      return ([], isSame, Self.sorted(left))
    }
    return (rules, isSame, left)
  }

  /// Rules by prefix, each of which is also one for all that lies below the repository: podman's and OpenShift's.
  var prefixes: (rules: [Rule], left: [Left]) {
    var left: [Left] = []
    var reasons: [RegistryLocation: MovedRepository.Reason] = [:]
    var oldNames: [RegistryLocation: RegistryLocation] = [:]
    for repository in names.repositories {
      if let new = repository.new { oldNames[new] = repository.old }
      guard let reason = repository.reason else { continue }
      left.append((repository.old, reason))
      for above in repository.old.above { reasons[above] = .above(repository.old) }
    }
    for (new, origins) in names.origins.sorted(by: { $0.key.description < $1.key.description }) {
      for above in new.above {
        guard let old = oldNames[above] else { continue }
        let asked = RegistryLocation(
          host: old.host, path: old.path + new.path.dropFirst(above.path.utf8.count))
        if origins != [asked], reasons[old] == nil { reasons[old] = .misleading(asked) }
      }
    }
    var rules: [Rule] = []
    for repository in names.repositories {
      guard let new = repository.new else { continue }
      if let reason = reasons[repository.old] {
        left.append((repository.old, reason))
      } else {
        rules.append((repository.old, new))
      }
    }
    return (rules, Self.sorted(left))
  }

  /// Where an image of an old repository may be found by its digest; no rule gives a wrong image for one.
  var byDigest: [(old: RegistryLocation, new: [RegistryLocation])] {
    var found: [RegistryLocation: Set<RegistryLocation>] = [:]
    for change in names.changes where change.oldDigest == nil && change.old.location != change.new.location {
      found[change.old.location, default: []].insert(change.new.location)
    }
    return found.map { (old: $0.key, new: $0.value.sorted { $0.description < $1.description }) }
      .sorted { $0.old.description < $1.old.description }
  }

  private static func sorted(_ left: [Left]) -> [Left] {
    left.sorted { $0.old.description < $1.old.description }
  }
}

extension RegistryLocation {
  /// The repositories that this one's path lies below, the longest first.
  fileprivate var above: [RegistryLocation] {
    var found: [RegistryLocation] = []
    var rest = path[...]
    while let slash = rest.lastIndex(of: "/") {
      rest = rest[..<slash]
      found.append(RegistryLocation(host: host, path: String(rest)))
    }
    return found
  }
}
