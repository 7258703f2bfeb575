import Images

/// `oci-layout`, the file that says a directory or archive is an OCI image layout (image-spec
/// `image-layout.md`).
enum LayoutFile {
  static let path = "oci-layout"
  static let sizeLimit: Int64 = 4 << 10
  static let version = "1.0.0"

  static let bytes = JSONValue.object(["imageLayoutVersion": .string(version)]).bytes

  /// The version that `bytes` state.
  static func version(of bytes: [UInt8]) throws(MalformedFile) -> String {
    struct Content: Decodable { let imageLayoutVersion: String }
    return try MalformedFile.decode(Content.self, from: bytes, as: .layout).imageLayoutVersion
  }

  /// Whether Ferry knows how to read that version: semantic versioning keeps 1.x compatible.
  static func isReadable(_ version: String) -> Bool { version.hasPrefix("1.") }
}
