import Images

extension Import {
  /// The target repositories that may not be pushed to, each asked once, in the order of their names.
  /// `opensUploads` tries each of them.
  func refusals(for images: [ImportImage], opensUploads: Bool) async throws -> [RepositoryRefusal] {
    let host = request.mapping.destination.host
    let repositories = Set(images.filter { $0.isToPush || $0.state == .unknown }.map(\.target.repository))
    return try await executor.mapConcurrently(repositories.sorted()) { repository in
      try RepositoryRefusal(
        host: host, repository: repository, registries: registries, opensUpload: opensUploads)
    }.compactMap(\.self)
  }

  /// Takes the images of refused repositories out of what is to be pushed. That a repository is refused, and
  /// what may help, says more than what was seen of it before.
  func bar(
    _ images: inout [ImportImage], from refusals: [RepositoryRefusal], _ failures: inout [ImageFailure]
  ) {
    let refused = Dictionary(uniqueKeysWithValues: refusals.map { ($0.repository, $0) })
    for index in images.indices {
      guard let refusal = refused[images[index].target.repositoryName],
        images[index].isToPush || images[index].state == .unknown
      else { continue }
      images[index].state = .refused
      let source = images[index].source
      failures.removeAll { $0.image == source }
      if settings.keepGoing {
        failures.append(ImageFailure(image: source, error: TransferError.pushRefused([refusal])))
      }
    }
  }
}
