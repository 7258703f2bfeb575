import Digests
import Files
import Images
import Tar

/// Blobs that nothing lists. Tools that overwrite a tag in a layout leave what it had, and some begin with blobs what they do
/// not bring to an end: that is no sign that anything was lost. But where a manifest was lost, what it listed is left behind.
struct StrayBlobs {
  private let file: any RandomAccess
  /// In the order in which they lie.
  private let strays: [(digest: Digest, extent: BlobExtent)]

  /// The most bytes that are looked through: with more, anything may be among them.
  private static let mostRead: Int64 = 16 << 20

  init(_ blobs: [Digest: BlobExtent], among isStray: (Digest) -> Bool, in file: any RandomAccess) {
    self.file = file
    strays = blobs.filter { isStray($0.key) }.sorted { $0.value.offset < $1.value.offset }
      .map { ($0.key, $0.value) }
  }

  var isEmpty: Bool { strays.isEmpty }

  /// Whether one of them may be what a manifest listed that is not there, of which `lost` tells.
  ///
  /// Not so is a manifest, unless an index was lost, nor what another manifest lists that nothing lists; nor a config for a
  /// platform of which nothing was lost, nor what has no bytes.
  func mayBelong(to lost: [Descriptor]) throws(LayoutError) -> Bool {
    guard !lost.isEmpty, !strays.isEmpty else { return false }
    let mayHaveLostIndex = lost.contains { $0.mediaType.isIndex }
    var explained: Set<Digest> = []
    var suspects: Set<Digest> = []
    var bytesRead: Int64 = 0
    for (digest, extent) in strays {
      try LayoutError.checkCancellation()
      let start = try start(of: extent)
      guard let first = start.first, PassedContent.mayBeginDocument(first) else {
        // An artifact's layer, or an encrypted one, may be anything.
        if extent.size > 0 { suspects.insert(digest) }
        continue
      }
      bytesRead.add(saturating: extent.size)
      guard bytesRead <= Self.mostRead else { return true }
      let bytes = try extent.bytes(in: file)
      guard digest.matches(bytes) else { return true }
      if let manifest = try? Manifest(bytes: bytes, mediaType: nil, by: digest.algorithm) {
        if mayHaveLostIndex { return true }
        explained.formUnion((manifest.children + manifest.blobs).map(\.digest))
      } else if !isForOther(try? ImageConfig(bytes: bytes).platform, than: lost) {
        suspects.insert(digest)
      }
    }
    return !suspects.isSubset(of: explained)
  }

  private func start(of extent: BlobExtent) throws(LayoutError) -> [UInt8] {
    try BlobExtent(offset: extent.offset, size: min(extent.size, Int64(Compression.magicSize))).bytes(
      in: file)
  }

  /// Whether a config for `platform` is none of those manifests'.
  private func isForOther(_ platform: Platform?, than lost: [Descriptor]) -> Bool {
    guard let own = platform?.plain else { return false }
    return lost.allSatisfy { descriptor in
      guard let other = descriptor.platform?.plain else { return false }
      return other != own
    }
  }
}

extension Platform {
  /// Without its variant, and its names as they are usual.
  fileprivate var plain: Platform? { Platform("\(os)/\(architecture)") }
}
