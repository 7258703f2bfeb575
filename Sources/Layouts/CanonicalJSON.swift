import Digests
import Images

/// JSON of which each value has one form: keys sorted by their bytes, no blanks, nothing escaped that need
/// not be.
///
/// Written here rather than by Foundation's encoder, because the archive digest is a hash of these bytes: the
/// same images must give it with every version of Ferry and of Swift.
enum CanonicalJSON {
  case string(String)
  case integer(Int64)
  case boolean(Bool)
  case null
  case array([CanonicalJSON])
  case object([String: CanonicalJSON])

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    append(to: &bytes)
    return bytes
  }

  private func append(to bytes: inout [UInt8]) {
    switch self {
    case .string(let text): Self.append(text, to: &bytes)
    case .integer(let number): bytes += Array(String(number).utf8)
    case .boolean(let isTrue): bytes += Array((isTrue ? "true" : "false").utf8)
    case .null: bytes += Array("null".utf8)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.append(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.append(member.key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.append(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

extension CanonicalJSON {
  /// The members of a descriptor without annotations.
  static func descriptor(_ descriptor: Descriptor) -> [String: CanonicalJSON] {
    [
      "mediaType": .string(descriptor.mediaType.rawValue),
      "digest": .string(descriptor.digest.description),
      "size": .integer(descriptor.size),
    ]
  }
}

extension CanonicalJSON: ExpressibleByStringLiteral {
  init(stringLiteral value: String) { self = .string(value) }
}
