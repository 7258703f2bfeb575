import FoundationEssentials
import Images

/// Why one of a layout's own files cannot be read, in words for a person.
struct MalformedFile: Error, Hashable {
  let why: String

  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8]
  ) throws(MalformedFile) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw MalformedFile(why: error.jsonReason)
    }
  }
}
