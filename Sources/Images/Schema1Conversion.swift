public import Digests

/// What an image of Docker's schema 1 becomes as one of schema 2, as docker itself makes it when it pulls such an image: the same
/// layers, and a config out of what the old manifest says of each, byte for byte docker's. The same image always gives the same
/// bytes.
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
    var history: [String] = []
    var layers: [JSONValue] = []
    var contents: [String] = []
    var top: [String: String] = [:]
    var previous: String?
    for layer in image.layers {
      let description = try Description(layer.description)
      // Docker takes what stands there twice, one behind the other, for the one that is lower.
      if let id = description.members["id"]?.text, previous == id { continue }
      previous = description.members["id"]?.text
      history.append(description.history(isEmpty: layer.isThrowaway))
      top = try description.rawMembers()
      guard !layer.isThrowaway else { continue }
      guard let size = sizes[layer.digest], let content = diffIDs[layer.digest] else {
        throw .malformed(.carriesOtherContent)
      }
      layers.append(
        .object(
          JSONValue.descriptor(Descriptor(mediaType: .dockerGzipLayer, digest: layer.digest, size: size))))
      contents.append("\"\(content)\"")
    }
    // What described a layer, and not the image.
    for key in ["id", "parent", "parent_id", "layer_id", "throwaway", "Size"] { top[key] = nil }
    let listed = contents.isEmpty ? "" : ",\"diff_ids\":[\(contents.joined(separator: ","))]"
    top["rootfs"] = "{\"type\":\"layers\"\(listed)}"
    top["history"] = "[\(history.joined(separator: ","))]"
    config = GoJSON.object(top.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
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

  /// Whether the image of schema 2 whose `manifest` and `config` these are is what becomes of `image`: only what its layers hold
  /// is taken from the config.
  public static func makes(_ manifest: Manifest, config: [UInt8], of image: Schema1Manifest) -> Bool {
    guard case .image(let made) = manifest.content,
      let diffIDs = try? ImageConfig(bytes: config).rootfs?.diffIDs ?? [],
      diffIDs.count == made.layers.count
    else { return false }
    let contents = zip(made.layers, diffIDs).compactMap { layer, content in content.map { (layer.digest, $0) }
    }
    let again = try? Schema1Conversion(
      of: image, blobs: made.layers, diffIDs: Dictionary(contents) { first, _ in first })
    return again?.manifest.bytes == manifest.bytes && again?.config == config
  }
}

/// What the old manifest says of one layer.
private struct Description {
  let members: [String: JSONValue]
  private let bytes: [UInt8]

  init(_ text: String) throws(ManifestError) {
    bytes = Array(text.utf8)
    do {
      guard let members = try DocumentShape.anything.decode(JSONValue.self, from: bytes).members else {
        throw ManifestError.malformed(.descriptionUnreadable)
      }
      self.members = members
    } catch {
      throw .malformed(.descriptionUnreadable)
    }
  }

  /// An entry of the config's history: when, by whom and with which command the layer was made.
  func history(isEmpty: Bool) -> String {
    let command = (members["container_config"]?.members?["Cmd"]?.elements ?? []).compactMap(\.text)
    var entry = [("created", GoJSON.text(created))]
    for (key, text) in [
      ("author", members["author"]?.text), ("created_by", command.joined(separator: " ")),
      ("comment", members["comment"]?.text),
    ] {
      if let text, !text.isEmpty { entry.append((key, GoJSON.text(text))) }
    }
    if isEmpty { entry.append(("empty_layer", "true")) }
    return String(decoding: GoJSON.object(entry), as: UTF8.self)
  }

  /// The moment in Go's form, which ends a second's fraction with its last digit that is not 0.
  private var created: String {
    guard let text = members["created"]?.text, !text.isEmpty else { return "0001-01-01T00:00:00Z" }
    guard let point = text.firstIndex(of: "."),
      let zone = text[point...].dropFirst().firstIndex(where: { !("0"..."9").contains($0) })
    else { return text }
    var fraction = text[point..<zone]
    while fraction.last == "0" || fraction == "." { fraction.removeLast() }
    return String(text[..<point] + fraction + text[zone...])
  }

  /// Its members as they stand in the text, but as compact as Go writes them. The text is JSON: that was seen before.
  func rawMembers() throws(ManifestError) -> [String: String] {
    var found: [String: String] = [:]
    var depth = 0
    var isText = false
    var isEscaped = false
    var piece: [UInt8] = []
    var key: String?
    for byte in bytes {
      let isInText = isText
      if isText {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else {
          isText = byte != UInt8(ascii: "\"")
        }
      } else {
        isText = byte == UInt8(ascii: "\"")
        if [0x20, 0x09, 0x0A, 0x0D].contains(byte) { continue }
      }
      let isOpening = !isInText && (byte == UInt8(ascii: "{") || byte == UInt8(ascii: "["))
      let isClosing = !isInText && (byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]"))
      if isClosing { depth -= 1 }
      let isOuter = isOpening && depth == 0 || isClosing && depth == 0
      if depth == 1, !isInText, byte == UInt8(ascii: ":"), key == nil {
        guard let name = try? DocumentShape.anything.decode(String.self, from: piece) else {
          throw .malformed(.descriptionUnreadable)
        }
        key = name
        piece = []
      } else if isOuter || depth == 1 && !isInText && byte == UInt8(ascii: ",") {
        if let key { found[key] = GoJSON.escaped(piece) }
        key = nil
        piece = []
      } else {
        piece.append(byte)
      }
      if isOpening { depth += 1 }
    }
    return found
  }
}

/// JSON as Go's encoder writes it, in which docker has its configs: an image's ID there is a hash of these bytes.
private enum GoJSON {
  static func object(_ members: some Sequence<(key: String, value: String)>) -> [UInt8] {
    Array("{\(members.map { "\(text($0.key)):\($0.value)" }.joined(separator: ","))}".utf8)
  }

  static func text(_ text: String) -> String {
    var written = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": written += "\\\(scalar)"
      case "\n": written += "\\n"
      case "\r": written += "\\r"
      case "\t": written += "\\t"
      case "\u{0}"..."\u{1F}": written += code(scalar)
      default: written.unicodeScalars.append(scalar)
      }
    }
    return escaped(Array((written + "\"").utf8))
  }

  /// What is JSON already, with those characters escaped that a page or a script may take for something else.
  static func escaped(_ json: [UInt8]) -> String {
    var written = ""
    for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
      switch scalar {
      case "<", ">", "&", "\u{2028}", "\u{2029}": written += code(scalar)
      default: written.unicodeScalars.append(scalar)
      }
    }
    return written
  }

  private static func code(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
