public import Images

/// `oci-layout`, the file that says a directory or archive is an OCI image layout (image-spec
/// `image-layout.md`).
enum LayoutFile {
  static let path = "oci-layout"
  static let sizeLimit: Int64 = 4 << 10
  static let version = "1.0.0"

  static let bytes = JSONValue.object(["imageLayoutVersion": .string(version)]).bytes

  /// The version that `bytes` state.
  static func version(of bytes: [UInt8]) throws(FileFault) -> String {
    struct Content: Decodable { let imageLayoutVersion: String }
    return try FileFault.decode(Content.self, from: bytes, as: .layout).imageLayoutVersion
  }

  /// Whether Ferry knows how to read that version: semantic versioning keeps 1.x compatible.
  static func isReadable(_ version: String) -> Bool { version.hasPrefix("1.") }
}

/// Why one of an archive's own files, or its compression, cannot be read.
public enum FileFault: Error, Hashable, Sendable {
  /// No JSON, JSON of another shape, or JSON that readers read differently, as what reads it says.
  case json(JSONFault)
  /// `index.json` has something else in this annotation.
  case annotationNotADigest(String)
  /// An image's config has something else in this field.
  case fieldNotADigest(String)
  /// `ferry.json` lists its files in another order than that of their paths, or one twice.
  case filesOutOfOrder
  /// `ferry.json` lists a file that does not lie below `ferry/`.
  case fileOutsideFolder
  /// `ferry.json` gives a file a size that it cannot have.
  case fileSizeOutOfRange(path: String)
  /// The files of `ferry.json` add up to more than is kept in memory.
  case filesTooLarge
  /// Docker's `manifest.json` lists more images, names and layers than are kept account of.
  case tooManyParts(limit: Int)
  /// A list of another tool's archive has more images, or names of these, than are kept account of.
  case tooManyNames(limit: Int)
  /// The names in a list of another tool's archive have more bytes together than are kept account of.
  case namesTooLong(limit: Int)
  /// Docker's `manifest.json` names a file by a path of more bytes than one may have.
  case pathTooLong(limit: Int)
  /// Docker's `manifest.json` lists so many layers for an image whose config speaks of another number.
  case layerCount(listed: Int, config: String, expected: Int)
  /// The library that decompresses says why it cannot.
  case compression(String)

  /// Whether the file may be sound, and costs more than is spent on any.
  public var isOfBounds: Bool {
    switch self {
    case .json(.document(let fault)): fault.isOfBounds
    case .tooManyParts, .tooManyNames, .namesTooLong, .pathTooLong, .filesTooLarge: true
    default: false
    }
  }

  /// Whether it is what somebody writes who means it so, and hardly what happens on a way.
  public var isOfItsMaking: Bool {
    switch self {
    case .json(.missing), .json(.empty), .json(.wrongType), .layerCount: true
    default: false
    }
  }

  /// Reads JSON of a known shape. Throws ``json(_:)``.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], as shape: DocumentShape, within bounds: DocumentBounds = .lists
  ) throws(FileFault) -> Value {
    do {
      return try shape.decode(type, from: bytes, within: bounds)
    } catch {
      throw .json(error.jsonFault)
    }
  }

  /// The same where the list under `name` may be large: its elements then stand beside the value. Throws ``json(_:)``.
  static func decode<Value: Decodable, Element: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], as shape: DocumentShape, apart name: String,
    _ element: Element.Type
  ) throws(FileFault) -> (value: Value, elements: [Element]) {
    do {
      return try shape.decode(type, from: bytes, apart: name, element, within: .lists)
    } catch {
      throw .json(error.jsonFault)
    }
  }
}
