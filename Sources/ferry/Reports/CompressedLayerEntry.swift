import Digests
import Images
import Transfers

/// A layer that was compressed on its way, in a report.
struct CompressedLayerEntry: Codable {
  let from: String
  let to: String
  let fromBytes: Int64
  let toBytes: Int64

  init(_ layer: CompressedLayer) {
    from = layer.original.digest.description
    to = layer.descriptor.digest.description
    fromBytes = layer.original.size
    toBytes = layer.descriptor.size
  }
}
