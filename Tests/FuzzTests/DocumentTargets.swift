import FoundationEssentials

@testable import Digests
@testable import Images
@testable import Layouts
@testable import Registry

extension FuzzTarget {
  /// JSON documents: whoever decodes one has had it scanned.
  static let documents = [
    FuzzTarget("json") { bytes in
      let scan = Result { try DocumentShape.loose.check(bytes) }
      let decoded = Result { try JSONDecoder().decode(JSONValue.self, from: Data(bytes)) }
      switch (scan, decoded) {
      case (.success, .success(let value)):
        guard value.isExact else { return }
        let again = try DocumentShape.loose.decode(JSONValue.self, from: value.bytes)
        try promise(again == value && again.bytes == value.bytes, "JSON is not read as it was written")
      case (.failure(let fault as DocumentFault), .success):
        // The decoder takes the other encodings of Unicode as well, deeper documents, and a comma behind the last element.
        let isBounded =
          [.tooDeep, .tooManyKeys].contains(fault) || bytes.contains(0) || bytes.first ?? 0 >= 0x80
          || hasLastComma(bytes)
        try promise(isBounded, "the decoder reads what the scan refuses: \(fault)")
      default: break
      }
      // What says one thing to all readers is no less than well formed.
      if (try? DocumentShape.anything.check(bytes)) != nil {
        try promise((try? scan.get()) != nil, "strict about keys, and not about JSON")
      }
    },
    FuzzTarget("manifest") { bytes in
      if let manifest = try? Manifest(bytes: bytes, mediaType: nil) {
        try promise(manifest.digest == Digest(of: bytes), "a manifest of other bytes")
        _ = try? ImageTree(root: manifest.descriptor) { _ in manifest }
        if let list = try? ReferrersList(manifest), let written = try? list.manifest() {
          try promise(try ReferrersList(written).digests == list.digests, "a list of referrers that changes")
        }
      }
      _ = try? Manifest(answer: bytes, mediaType: nil, isVouchedFor: true)
      let opaque = try Manifest(
        answer: bytes, mediaType: MediaType(rawValue: "application/vnd.example.unknown.v1+json"),
        isVouchedFor: true)
      try promise(opaque.bytes == bytes, "a manifest of other bytes")
    },
    FuzzTarget("config") { bytes in
      let speaks = ImageConfig.speaksOfLayers(bytes)
      let config = try ImageConfig(bytes: bytes)
      try promise(config.rootfs == nil || speaks, "layers of which a config does not speak")
    },
    FuzzTarget("schema1") { bytes in
      let image = try Schema1Manifest(bytes: bytes)
      try promise(image.digest == Digest(of: image.signed), "a digest of something else")
      let blobs = image.blobs.map { Descriptor(mediaType: .dockerGzipLayer, digest: $0, size: 1) }
      let contents = Dictionary(image.blobs.map { ($0, $0) }) { first, _ in first }
      let made = try Schema1Conversion(of: image, blobs: blobs, diffIDs: contents)
      try promise(
        Schema1Conversion.makes(made.manifest, config: made.config, of: image),
        "a conversion that is not its own")
    },
    FuzzTarget("index") { bytes in
      let index = try IndexFile(bytes: bytes)
      guard index.ferryFileDigest != nil else { return }
      let written = index.bytes
      try promise(try IndexFile(bytes: written).bytes == written, "an index that changes")
    },
    FuzzTarget("ferry-file") { bytes in
      let written = try FerryFile(bytes: bytes).written()
      try promise(try FerryFile(bytes: written).written() == written, "a ledger that changes")
    },
    FuzzTarget("docker-list") { bytes in
      let entries = try DockerManifestFile.entries(in: bytes)
      let paths = DockerManifestFile.paths(in: bytes)
      try promise(
        entries.allSatisfy { $0.fault != nil || paths.contains($0.config) }, "a config that is not looked for"
      )
    },
  ]
}

/// Whether some list or object ends in a comma, wherever that stands.
private func hasLastComma(_ bytes: [UInt8]) -> Bool {
  let dense = bytes.filter { !" \t\r\n".utf8.contains($0) }
  return zip(dense, dense.dropFirst()).contains { comma, end in
    comma == UInt8(ascii: ",") && (end == UInt8(ascii: "]") || end == UInt8(ascii: "}"))
  }
}
