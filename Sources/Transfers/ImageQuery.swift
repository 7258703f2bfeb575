public import Images
import Registry

/// One line of what to export: an image, or a repository and which of its tags.
public struct ImageQuery: Hashable, Sendable {
  public let reference: Reference
  /// nil: the one image the reference names.
  public let tags: TagSelector?

  public init(_ reference: Reference, tags: TagSelector? = nil) {
    self.reference = reference
    self.tags = tags
  }

  /// The images this names, asking the registry for tags where they are wanted. Blocks.
  func expand(_ registries: Registries, observer: any TransferObserver) throws -> [Reference] {
    guard let tags else {
      guard reference.tag == nil, reference.digest == nil else { return [reference] }
      observer.note(.latestAssumed(reference))
      return [reference.with(tag: Reference.defaultTag)]
    }
    guard reference.tag == nil, reference.digest == nil else {
      throw TransferError.selectorOnTag(reference.description)
    }
    let client = try registries.client(host: reference.host, repository: reference.repository)
    let all = try client.tags(of: reference.repository)
    let selected = all.filter(tags.selects)
    guard !selected.isEmpty else {
      throw TransferError.noTagSelected(repository: reference.repositoryName, total: all.count)
    }
    return selected.map(reference.with(tag:))
  }
}
