import Digests
import Files
import Images
import Layouts

/// The archives of an import, all open, and which of them has what.
struct ImportedArchives: Sendable {
  /// By the paths they were named by, with their digests.
  let named: [(path: String, digest: Digest)]
  /// Those that cannot be read, each with why, where that stops nothing.
  var failures: [ImageFailure] = []
  /// Those of them of which it can be told what they list.
  var putAside: [Layout] = []
  /// What lies beside them in directories, and is none.
  var passedOver = PassedOver()
  /// What was found wrong with blobs of what was read to its end, where that stops nothing.
  var damaged: [Digest: any Error] = [:]
  /// What was found of the images of those that are damaged, by their layouts.
  var examined: [ObjectIdentifier: DamagedImages] = [:]
  /// Whether nothing of them was left unread.
  var areReadThrough = false
  /// In the order in which they were named.
  let layouts: [Layout]
  /// Those of them that are streamed, in their order.
  let streams: [StreamedLayout]
  /// What they leave out on purpose; of what several leave out, what the first says of it.
  let omissions: [Digest: Omission]
  private let streamed: Set<ObjectIdentifier>
  /// The images of archives that others give names to, by their layouts.
  private var images: [ObjectIdentifier: [LayoutImage]] = [:]

  init(_ inputs: [ArchiveInput], opened: [OpenedArchive]) {
    let layouts = opened.map(\.layout)
    named = zip(inputs, layouts).map { ($0.path, $1.archiveDigest) }
    self.layouts = layouts
    streams = opened.compactMap(\.stream)
    streamed = Set(streams.map { ObjectIdentifier($0.front) })
    omissions = layouts.dropFirst().reduce(into: layouts.first?.omissions ?? [:]) { all, layout in
      all.merge(layout.omissions) { first, _ in first }
    }
    var signed = SignedDigests()
    let lists = AttachedContent.naming(across: layouts.map(\.images)) { number, image in
      signed.digests(of: image, in: layouts[number])
    } holds: { digest in
      layouts.contains { $0.blobs[digest] != nil }
    }
    for (layout, list) in zip(layouts, lists ?? []) { images[ObjectIdentifier(layout)] = list }
  }

  /// The images of one of the archives, by the names that they have beside those of the others; and those that are taken together
  /// for one, where one of `globs` means them by their digests.
  func images(of layout: Layout, chosenBy globs: [Glob] = []) -> [LayoutImage] {
    let images = images[ObjectIdentifier(layout)] ?? layout.images
    let parts = globs.isEmpty ? [] : images.flatMap(layout.parts)
    return images
      + parts.filter { part in
        let digest = part.root.digest
        return globs.contains {
          $0.pattern.hasPrefix("\(digest.algorithm.rawValue):") && $0.matches(digest.description)
        }
      }
  }

  /// Whether the blobs of an archive can be read only once, as they come.
  func isStreamed(_ layout: Layout) -> Bool { streamed.contains(ObjectIdentifier(layout)) }

  /// The archive that each of `blobs` is read from: the first that has it with its size. Of many archives each is gone through
  /// once, however many blobs there are.
  func holders(of blobs: [Descriptor]) throws -> (Descriptor) -> Layout? {
    guard layouts.count > Self.few else {
      return { blob in layouts.first { $0.blobs[blob.digest]?.size == blob.size } }
    }
    let sizes = Dictionary(blobs.map { ($0.digest, $0.size) }) { first, _ in first }
    var holders: [Digest: Layout] = [:]
    for layout in layouts {
      try Task.checkCancellation()
      for (digest, extent) in layout.blobs where sizes[digest] == extent.size && holders[digest] == nil {
        holders[digest] = layout
      }
    }
    return { [holders] in holders[$0.digest] }
  }

  /// So few archives are asked one after the other.
  private static let few = 4

  /// `blobs` told apart: those that lie in archives, of which some are read one after the other, and what comes out of each
  /// stream.
  func divided(
    _ blobs: [ImportBlob]
  ) -> (inPlace: [[ImportBlob]], streamed: [(stream: StreamedLayout, blobs: [ImportBlob])]) {
    var inPlace: [[ImportBlob]] = []
    var sequential: [ObjectIdentifier: [ImportBlob]] = [:]
    var coming: [ObjectIdentifier: [ImportBlob]] = [:]
    for blob in blobs {
      if let layout = blob.layout, isStreamed(layout) {
        coming[ObjectIdentifier(layout), default: []].append(blob)
      } else if let layout = blob.layout, layout.isSequential {
        sequential[ObjectIdentifier(layout), default: []].append(blob)
      } else {
        inPlace.append([blob])
      }
    }
    // What takes longest begins first.
    inPlace = sequential.values.map { $0.sorted { $0.place < $1.place } } + inPlace
    return (inPlace, streams.map { ($0, coming[ObjectIdentifier($0.front)] ?? []) })
  }
}

extension ImportBlob {
  /// Where it, or what it is made of, begins in its archive.
  fileprivate var place: Int64 {
    layout?.blobs[compressed?.original.digest ?? descriptor.digest]?.offset ?? 0
  }
}
