import Images

/// Why one of a layout's own files cannot be read, in words for a person.
struct MalformedFile: Error, Hashable {
  let why: String

  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], as shape: DocumentShape
  ) throws(MalformedFile) -> Value {
    do {
      return try shape.decode(type, from: bytes)
    } catch {
      throw MalformedFile(why: error.jsonReason)
    }
  }
}
