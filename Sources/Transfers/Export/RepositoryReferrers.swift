import Digests
import Images
import Layouts
import Registry
import Synchronization

/// What one repository has that refers to single manifests.
struct RepositoryReferrers {
  private let image: Reference
  private let client: RegistryClient
  private let tags: ReferrerTags
  /// The manifests that cosign's tags are asked for by themselves where there is no referrers API: what images' names
  /// stand for.
  private let roots: Set<Digest>
  /// What the referrers API lists for a manifest; nil where it is not there.
  private let listed: (Digest) throws -> ListedReferrers?
  /// What a manifest becomes that is carried.
  private let keep: (Manifest) throws -> ManifestBytes

  init(
    _ image: Reference, _ client: RegistryClient, tags: ReferrerTags, roots: Set<Digest>,
    keeping keep: @escaping (Manifest) throws -> ManifestBytes,
    listed: @escaping (Digest) throws -> ListedReferrers?
  ) {
    self.keep = keep
    self.image = image
    self.client = client
    self.tags = tags
    self.roots = roots
    self.listed = listed
  }

  /// What refers to `subject`, without what is `carried` already.
  func direct(to subject: Digest, except carried: Set<Digest>) throws -> ReferrerFinder.Findings {
    var found = ReferrerFinder.Findings()
    let listed = try listed(subject)
    var candidates = listed?.manifests ?? []
    found.left += unreadable(listed, of: subject)
    for kind in ReferrerTag.Kind.allCases {
      guard let root = try manifest(of: kind, for: subject, hasAPI: listed != nil, &found.left) else {
        continue
      }
      // Where the API answers, a list under a tag is of a time before it: what only that has is taken by itself.
      if kind == .list, let entries = root.entries,
        listed != nil || !entries.allSatisfy(\.mediaType.isManifest)
      {
        candidates += entries
        continue
      }
      switch try tree(root.descriptor) {
      case .success(let tree):
        let reference = image.with(tag: ReferrerTag(kind, of: subject).tag)
        found.carried.append(Referrer(subject: subject, reference: reference, tree))
      case .failure(let fault):
        // Of a list that names what is not there, the rest is taken one by one.
        if kind == .list, let entries = root.entries {
          candidates += entries
        } else {
          found.left.append(
            UncarriedReferrer(root.descriptor, of: subject, kind: kind.artifact, fault.reason))
        }
      }
    }
    var seen = carried
    for descriptor in candidates where seen.insert(descriptor.digest).inserted {
      guard descriptor.mediaType.isManifest || descriptor.mediaType.mayBeOpaque else {
        found.left.append(UncarriedReferrer(descriptor, of: subject, .unknownType))
        continue
      }
      switch try tree(descriptor) {
      case .success(let tree):
        // What speaks of another manifest is found there, or belongs elsewhere.
        guard tree.tree.subject == subject else {
          found.left.append(UncarriedReferrer(descriptor, of: subject, .otherSubject))
          continue
        }
        let reference = Reference(host: image.host, repository: image.repository, digest: descriptor.digest)
        found.carried.append(Referrer(subject: subject, reference: reference, tree))
      case .failure(let fault):
        found.left.append(UncarriedReferrer(descriptor, of: subject, fault.reason))
      }
    }
    return found
  }

  /// The manifests that a left-out index lists; none where it cannot be read.
  func children(of index: Descriptor) throws -> [Descriptor] {
    do {
      return try client.manifest(index.digest.description, of: image.repository).children
    } catch RegistryError.manifestNotFound {
      return []
    } catch RegistryError.notAManifest {
      return []
    }
  }

  /// What refers to a manifest that the export leaves out, by its name alone, and why it stays behind.
  func named(
    for subject: Digest, _ reason: UncarriedReferrer.Reason
  ) throws -> [UncarriedReferrer] {
    let listed = try listed(subject)
    var left = (listed?.manifests ?? []).map { UncarriedReferrer($0, of: subject, reason) }
    left += unreadable(listed, of: subject)
    for kind in ReferrerTag.Kind.allCases {
      guard let root = try manifest(of: kind, for: subject, hasAPI: listed != nil, &left) else { continue }
      if kind == .list, let entries = root.entries {
        left += entries.map { UncarriedReferrer($0, of: subject, reason) }
      } else {
        left.append(UncarriedReferrer(root.descriptor, of: subject, kind: kind.artifact, reason))
      }
    }
    var told: Set<Digest?> = []
    return left.filter { $0.digest == nil || told.insert($0.digest).inserted }
  }

  private func unreadable(_ listed: ListedReferrers?, of subject: Digest) -> [UncarriedReferrer] {
    (listed?.unreadable ?? []).map { UncarriedReferrer(nil, of: subject, kind: .entry($0), .unreadable) }
  }

  /// Whether the repository has a tag. Of cosign's, a list that does not have them is no word where there is no other way
  /// to find what they name.
  private func isThere(_ tag: ReferrerTag, hasAPI: Bool) throws -> Bool {
    let mayBeHidden = !hasAPI && tag.kind != .list && tag.subject.map(roots.contains) ?? false
    return try tags.contains(tag, asksDirectly: mayBeHidden)
  }

  /// What a tag that refers to `subject` names; nil where there is no such tag, or, which `left` then tells, where it
  /// names nothing that can be read.
  private func manifest(
    of kind: ReferrerTag.Kind, for subject: Digest, hasAPI: Bool, _ left: inout [UncarriedReferrer]
  ) throws -> Manifest? {
    let tag = ReferrerTag(kind, of: subject)
    guard RepositoryName.isValidTag(tag.tag) else { return nil }
    guard try isThere(tag, hasAPI: hasAPI) else { return nil }
    let reason: UncarriedReferrer.Reason
    do {
      let manifest = try client.manifest(tag.tag, of: image.repository)
      // A registry may take the tag for the digest that it is made of (GitLab). Nothing refers to itself.
      return manifest.digest == subject ? nil : manifest
    } catch RegistryError.manifestNotFound {
      reason = .absent
    } catch RegistryError.notAManifest(_, _, _, let error) {
      reason = .notAManifest(error)
    }
    left.append(UncarriedReferrer(nil, of: subject, kind: .tag(tag.tag), reason))
    return nil
  }

  /// Why something that is listed makes no tree.
  private struct Fault: Error {
    let reason: UncarriedReferrer.Reason
  }

  /// Everything below `root`, or why that is not to be had, today or any day. Throws what may go better another
  /// time.
  private func tree(_ root: Descriptor) throws -> Result<FetchedTree, Fault> {
    let search = OpaqueSearch(client, repository: image.repository)
    do {
      return .success(try FetchedTree(root, keeping: keep, fetch: search.manifest))
    } catch RegistryError.manifestNotFound {
      return .failure(Fault(reason: .absent))
    } catch RegistryError.notAManifest(_, _, _, let error) {
      return .failure(Fault(reason: .notAManifest(error)))
    } catch let error as ManifestError {
      // What the registry has under that digest is of another type, or none that a manifest has.
      if case .unknownType = error, !root.mediaType.isManifest {
        return .failure(Fault(reason: .unknownType))
      }
      return .failure(Fault(reason: .notAManifest(error)))
    }
  }
}

extension Manifest {
  /// What it lists, if it is an index.
  fileprivate var entries: [Descriptor]? {
    guard case .index(let index) = content else { return nil }
    return index.manifests
  }
}

extension ReferrerTag.Kind {
  /// What cosign keeps under it.
  var artifact: UncarriedReferrer.Kind? {
    switch self {
    case .list: nil
    case .signature: .cosignSignature
    case .attestation: .cosignAttestation
    case .sbom: .cosignSBOM
    }
  }
}

/// Which tags of a repository name referrers. The tags are listed once, for all its images.
final class ReferrerTags: Sendable {
  private let client: RegistryClient
  private let repository: String
  /// nil until they were listed. The lock is held while they are.
  private let listed = Mutex<Listed?>(nil)

  private enum Listed {
    /// And whether none of them is one of cosign's.
    case tags(Set<ReferrerTag>, areLists: Bool)
    /// The registry lists no tags for whoever asks: each is asked for by itself.
    case untold
  }

  init(_ client: RegistryClient, repository: String) {
    self.client = client
    self.repository = repository
  }

  /// Whether the repository has the tag. `asksDirectly` also where the list of its tags does not have it, for a registry
  /// may hide such tags there: not one that lists others of cosign's.
  func contains(_ tag: ReferrerTag, asksDirectly: Bool) throws(RegistryError) -> Bool {
    let listed = try listed.withLock { (listed) throws(RegistryError) in
      if let listed { return listed }
      let fresh = try list()
      listed = fresh
      return fresh
    }
    switch listed {
    case .tags(let tags, let areLists):
      if tags.contains(tag) { return true }
      guard asksDirectly, areLists else { return false }
      return try has(tag)
    case .untold: return try has(tag)
    }
  }

  /// Asked by GET: HEAD may know less.
  private func has(_ tag: ReferrerTag) throws(RegistryError) -> Bool {
    do throws(RegistryError) {
      return try client.manifestIfPresent(tag.tag, of: repository) != nil
    } catch {
      if case .notAManifest = error { return true }
      throw error
    }
  }

  private func list() throws(RegistryError) -> Listed {
    do {
      let tags = Set(try client.tags(of: repository).compactMap { ReferrerTag($0) })
      return .tags(tags, areLists: tags.allSatisfy { $0.kind == .list })
    } catch {
      switch error {
      // It has manifests, so it is there, whatever is said of its tags.
      case .repositoryNotFound, .denied, .unauthorized, .refused, .malformedResponse, .listCutShort:
        return .untold
      default: throw error
      }
    }
  }
}
