import Digests
import Images
import Layouts

/// What images of archives become that an import changes on the way: those of Docker's schema 1 with `--convert-schema1`, those
/// with uncompressed layers with `--compress-layers`. A destination that has another manifest than the archive may have that
/// one, which only making it again can tell.
struct ChangedForms: Sendable {
  private let archives: ImportedArchives
  private let selected: [SelectedImage]
  private let executor: BlockingExecutor
  private let observer: any TransferObserver
  /// How much memory decompressing a layer may take, in bytes.
  private let memoryLimit: Int64

  init(
    of selected: [SelectedImage], in archives: ImportedArchives, executor: BlockingExecutor,
    observer: any TransferObserver, memoryLimit: Int64
  ) {
    self.selected = selected
    self.archives = archives
    self.executor = executor
    self.observer = observer
    self.memoryLimit = memoryLimit
  }

  /// What the images with these roots become, by the roots. Reads their layers. What cannot be made is not among them: of layers
  /// that are elsewhere, come once, or are wrong, nobody can tell. Throws when the task was cancelled.
  func trees(of roots: Set<Digest>) async throws -> [Digest: ImageTree] {
    var seen: Set<Digest> = []
    let chosen = selected.filter {
      roots.contains($0.tree.root.digest) && !archives.isStreamed($0.layout)
        && seen.insert($0.tree.root.digest).inserted
    }
    return try await trees(of: chosen)
  }

  private func trees(of chosen: [SelectedImage]) async throws -> [Digest: ImageTree] {
    guard !chosen.isEmpty else { return [:] }
    do {
      let converted = try await Schema1Converter(
        executor: executor, observer: observer, memoryLimit: memoryLimit
      ).convert(chosen, in: archives)
      let compressed = try await LayerCompression(executor: executor, observer: observer).compress(
        converted.selected, in: archives, isTold: false)
      let new = zip(chosen, compressed.selected).map { ($0.tree.root.digest, $1.tree) }
      return Dictionary(new) { first, _ in first }.filter { $0.key != $0.value.root.digest }
    } catch {
      try Task.checkCancellation()
      // One image's fault is no other's.
      guard chosen.count > 1 else { return [:] }
      var trees: [Digest: ImageTree] = [:]
      for image in chosen { trees.merge(try await self.trees(of: [image])) { first, _ in first } }
      return trees
    }
  }
}
