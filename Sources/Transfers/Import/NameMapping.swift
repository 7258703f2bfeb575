public import Images
public import NVIDIA

/// From an image's name in the archive to its name at the destination (design §1).
public struct NameMapping: Sendable {
  public let destination: RegistryLocation
  public let rules: [MappingRule]
  public let nvidiaHosts: NVIDIAHosts

  public init(destination: RegistryLocation, rules: [MappingRule] = [], nvidiaHosts: NVIDIAHosts = .standard)
  {
    self.destination = destination
    self.rules = rules
    self.nvidiaHosts = nvidiaHosts
  }

  /// Where `source` goes: the first rule that matches decides, else the default. The tag stays.
  /// Throws ``TransferError/invalidTarget(source:target:)``.
  public func target(for source: Reference) throws(TransferError) -> Reference {
    let target = unchecked(source)
    guard RepositoryName.isValid(target.repository) else {
      throw .invalidTarget(source: source.description, target: target.repositoryName)
    }
    return target
  }

  /// The rules that decide for none of `sources`, in order: mistyped perhaps.
  func unused(for sources: [Reference]) -> [MappingRule] {
    let used = Set(
      Set(sources.map(\.repository)).compactMap { name in rules.first { $0.apply(to: name) != nil } })
    return rules.filter { !used.contains($0) }
  }

  /// Where `source` would go, though no registry may take the name.
  func unchecked(_ source: Reference) -> Reference {
    let name = rules.lazy.compactMap { $0.apply(to: source.repository) }.first ?? defaultName(for: source)
    return Reference(
      host: destination.host, repository: destination.appending(name), tag: source.tag,
      digest: source.tag == nil ? source.digest : nil)
  }

  private func defaultName(for source: Reference) -> String {
    if nvidiaHosts.contains(source.host), nvidiaHosts.contains(destination.host) {
      return DGXSpace.nameOnNGC(for: source.repository)
    }
    guard let slash = source.repository.firstIndex(of: "/") else { return source.repository }
    return String(source.repository[source.repository.index(after: slash)...])
  }
}
