import Digests

@testable import Images

/// Manifests and descriptors to test with.
enum Samples {
  static func digest(_ name: String) -> Digest { Digest(of: Array(name.utf8)) }

  static func json(_ descriptor: Descriptor, more: String = "") -> String {
    #"{"mediaType":"\#(descriptor.mediaType)","digest":"\#(descriptor.digest)","size":\#(descriptor.size)\#(more)}"#
  }

  static func layer(_ name: String, size: Int64 = 10) -> Descriptor {
    Descriptor(
      mediaType: MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+gzip"), digest: digest(name),
      size: size)
  }

  static func config(_ name: String) -> Descriptor {
    Descriptor(mediaType: .ociConfig, digest: digest(name), size: 5)
  }

  static func image(_ layers: [Descriptor], config: Descriptor = config("config")) throws -> Manifest {
    let layers = layers.map { json($0) }.joined(separator: ",")
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":\#(json(config)),"layers":[\#(layers)]}"#
    return try Manifest(bytes: Array(text.utf8), mediaType: nil)
  }

  static func index(_ children: [Descriptor]) throws -> Manifest {
    let children = children.map { json($0) }.joined(separator: ",")
    let text = #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(children)]}"#
    return try Manifest(bytes: Array(text.utf8), mediaType: nil)
  }
}
