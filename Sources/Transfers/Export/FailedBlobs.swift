import Digests
import Images
import Synchronization

/// Which images of an archive are lost because one of their blobs cannot be had.
final class FailedBlobs: Sendable {
  private let names: [String]
  /// The images that need each blob.
  private let users: [Digest: [Int]]
  private let lost = Mutex<[Int: any Error]>([:])

  init(_ images: [ExportImage]) {
    names = images.map(\.reference.description)
    var users: [Digest: [Int]] = [:]
    for (index, image) in images.enumerated() {
      for blob in image.blobs { users[blob.digest, default: []].append(index) }
    }
    self.users = users
  }

  /// Whether any image that needs the blob can still become whole.
  func isWanted(_ digest: Digest) -> Bool {
    let users = users[digest] ?? []
    return lost.withLock { lost in users.contains { lost[$0] == nil } }
  }

  func add(_ digest: Digest, _ error: any Error) {
    lost.withLock { lost in
      for image in users[digest] ?? [] where lost[image] == nil { lost[image] = error }
    }
  }

  /// Hears that an image, by its place among those this was made of, is lost whatever its blobs are.
  func add(imageAt index: Int, _ error: any Error) {
    lost.withLock { lost in lost[index] = lost[index] ?? error }
  }

  /// The lost images, in order, each with what it was lost by first.
  var images: [ImageFailure] {
    lost.withLock { lost in
      lost.sorted { $0.key < $1.key }.map { ImageFailure(image: names[$0.key], error: $0.value) }
    }
  }
}
