public import Digests

/// What an image of Docker's schema 1 becomes as one of schema 2, as docker itself makes it when it pulls such an image: the same
/// layers, and a config out of what the old manifest says of each. The same image always gives the same bytes.
public struct Schema1Conversion: Sendable {
  /// The new image's manifest. It names in an annotation what it was made of (``Schema1Carrier/digestAnnotation``).
  public let manifest: Manifest
  /// What it has for a config.
  public let config: [UInt8]
  public let tree: ImageTree

  /// Converts `image`, whose `blobs` are its layers with their sizes. `diffIDs` are the digests of their decompressed contents.
  /// Throws ``ManifestError`` where the old manifest's texts are none that a config can be made of.
  public init(
    of image: Schema1Manifest, blobs: [Descriptor], diffIDs: [Digest: Digest]
  ) throws(ManifestError) {
    let sizes = Dictionary(blobs.map { ($0.digest, $0.size) }) { first, _ in first }
    var history: [JSONValue] = []
    var layers: [JSONValue] = []
    var contents: [JSONValue] = []
    var top: [String: JSONValue] = [:]
    for layer in image.layers {
      let description = try Self.description(layer)
      history.append(Self.history(of: description, isEmpty: layer.isThrowaway))
      top = description
      guard !layer.isThrowaway else { continue }
      guard let size = sizes[layer.digest], let content = diffIDs[layer.digest] else {
        throw .malformed(.carriesOtherContent)
      }
      layers.append(
        .object(
          JSONValue.descriptor(Descriptor(mediaType: .dockerGzipLayer, digest: layer.digest, size: size))))
      contents.append(.string(content.description))
    }
    // What described a layer, and not the image.
    for key in ["id", "parent", "parent_id", "layer_id", "throwaway", "Size", "size"] { top[key] = nil }
    top["rootfs"] = .object(["type": .string("layers"), "diff_ids": .array(contents)])
    top["history"] = .array(history)
    config = JSONValue.object(top).bytes
    let descriptor = Descriptor(
      mediaType: .dockerConfig, digest: Digest(of: config), size: Int64(config.count))
    manifest = try Manifest(
      bytes: JSONValue.object([
        "schemaVersion": .integer(2), "mediaType": .string(MediaType.dockerManifest.rawValue),
        "config": .object(JSONValue.descriptor(descriptor)), "layers": .array(layers),
        "annotations": .object([Schema1Carrier.digestAnnotation: .string(image.digest.description)]),
      ]).bytes, mediaType: .dockerManifest)
    do {
      let manifest = manifest
      tree = try ImageTree(root: manifest.descriptor) { _ in manifest }
    } catch let error as ManifestError {
      throw error
    } catch {
      throw .malformed(.carriesOtherContent)
    }
  }

  private static func description(
    _ layer: Schema1Manifest.Layer
  ) throws(ManifestError) -> [String: JSONValue] {
    do {
      let bytes = Array(layer.description.utf8)
      guard let members = try DocumentShape.anything.decode(JSONValue.self, from: bytes).members else {
        throw ManifestError.malformed(.descriptionUnreadable)
      }
      return members
    } catch {
      throw .malformed(.descriptionUnreadable)
    }
  }

  /// An entry of the config's history: when, by whom and with which command the layer was made.
  private static func history(of description: [String: JSONValue], isEmpty: Bool) -> JSONValue {
    var entry: [String: JSONValue] = [:]
    for key in ["created", "author", "comment"] {
      guard let text = description[key]?.text, !text.isEmpty else { continue }
      entry[key] = .string(text)
    }
    let command = description["container_config"]?.members?["Cmd"]?.elements ?? []
    if !command.isEmpty {
      entry["created_by"] = .string(command.compactMap(\.text).joined(separator: " "))
    }
    if isEmpty { entry["empty_layer"] = .boolean(true) }
    return .object(entry)
  }
}
