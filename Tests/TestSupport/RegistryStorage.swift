import Foundation

/// The directory in which a `docker-registry` keeps what it was given, read and changed behind its back.
///
/// What stands here is what the registry holds, whatever its API says.
public struct RegistryStorage: Sendable {
  /// The directory `docker/registry/v2`.
  let path: String

  init(root: String) { path = "\(root)/docker/registry/v2" }

  /// The names of all repositories, sorted.
  public var repositories: [String] {
    let root = "\(path)/repositories"
    let paths = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix("/_manifests") }.map { String($0.dropLast("/_manifests".count)) }
      .sorted()
  }

  /// The tags of a repository, sorted.
  public func tags(of repository: String) -> [String] {
    let directory = "\(path)/repositories/\(repository)/_manifests/tags"
    return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }

  /// What `tag` points at, as `sha256:…`; nil when there is no such tag.
  public func digest(of repository: String, _ tag: String) -> String? {
    text("repositories/\(repository)/_manifests/tags/\(tag)/current/link")
  }

  /// Whether the repository has the manifest `digest`.
  public func hasManifest(_ digest: String, in repository: String) -> Bool {
    text("repositories/\(repository)/_manifests/revisions/\(slashed(digest))/link") != nil
  }

  /// Whether the repository has the config or layer `digest`.
  public func hasBlob(_ digest: String, in repository: String) -> Bool {
    text("repositories/\(repository)/_layers/\(slashed(digest))/link") != nil
  }

  /// The bytes of a blob or manifest; nil when no repository has it.
  public func bytes(of digest: String) -> [UInt8]? {
    FileManager.default.contents(atPath: blobPath(digest)).map { [UInt8]($0) }
  }

  /// Every digest that is stored, sorted.
  public var digests: [String] {
    let root = "\(path)/blobs/sha256"
    let paths = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return paths.filter { $0.hasSuffix("/data") }
      .compactMap { $0.split(separator: "/").dropLast().last.map { "sha256:\($0)" } }.sorted()
  }

  /// Replaces a blob's or manifest's bytes, as a failing disk would.
  public func replace(_ digest: String, with change: (inout [UInt8]) -> Void) throws {
    guard var bytes = bytes(of: digest) else { throw TestFailure("the registry does not hold \(digest)") }
    change(&bytes)
    // Written anew, not in place: other registries of the same run link to the file.
    try FileManager.default.removeItem(atPath: blobPath(digest))
    try Data(bytes).write(to: URL(fileURLWithPath: blobPath(digest)))
  }

  /// Removes a blob's or manifest's bytes and leaves all that point at them.
  public func remove(_ digest: String) throws {
    try FileManager.default.removeItem(atPath: blobPath(digest))
  }

  /// Takes a config or layer from one repository; its bytes stay.
  public func unlink(blob digest: String, from repository: String) throws {
    try FileManager.default.removeItem(
      atPath: "\(path)/repositories/\(repository)/_layers/\(slashed(digest))/link")
  }

  /// Takes a manifest from one repository; its bytes stay, and the tags that name it.
  public func unlink(manifest digest: String, from repository: String) throws {
    try FileManager.default.removeItem(
      atPath: "\(path)/repositories/\(repository)/_manifests/revisions/\(slashed(digest))/link")
  }

  /// The directory in which a tag is kept: removed, the tag is gone, and all that it named stays.
  public func tagDirectory(of repository: String, _ tag: String) -> String {
    "\(path)/repositories/\(repository)/_manifests/tags/\(tag)"
  }

  /// Points `tag` at another manifest that the repository has.
  public func move(_ tag: String, of repository: String, to digest: String) throws {
    let link = "\(path)/repositories/\(repository)/_manifests/tags/\(tag)/current/link"
    try digest.write(toFile: link, atomically: true, encoding: .utf8)
  }

  private func blobPath(_ digest: String) -> String {
    let hex = digest.drop { $0 != ":" }.dropFirst()
    return "\(path)/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
  }

  private func slashed(_ digest: String) -> String { digest.replacingOccurrences(of: ":", with: "/") }

  private func text(_ name: String) -> String? {
    try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
  }

  /// Makes a storage below `root` that holds what this one holds. Blobs, which a registry never changes,
  /// are linked.
  func copy(to root: String) throws {
    let target = Self(root: root)
    try FileManager.default.createDirectory(
      atPath: "\(target.path)/blobs", withIntermediateDirectories: true)
    try Command.run("cp", ["-r", "\(path)/repositories", target.path])
    try Command.run("cp", ["-rl", "\(path)/blobs", target.path])
  }
}
