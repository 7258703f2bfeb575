/// Header fields in their order. Names are compared without case; a name may stand more than once.
public struct HTTPHeaders: Hashable, Sendable {
  struct Field: Hashable {
    let name: String
    var value: String
  }

  private(set) var fields: [Field] = []

  public init() {}

  /// The first value of `name`.
  public subscript(name: String) -> String? {
    fields.first { Self.areEqual($0.name, name) }?.value
  }

  /// All values of `name` in their order.
  public func values(of name: String) -> [String] {
    fields.filter { Self.areEqual($0.name, name) }.map(\.value)
  }

  /// Appends a field, beside others of its name.
  public mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value))
  }

  /// Makes `value` the only one of `name`.
  public mutating func set(_ name: String, _ value: String) {
    remove(name)
    add(name, value)
  }

  public mutating func remove(_ name: String) {
    fields.removeAll { Self.areEqual($0.name, name) }
  }

  /// Continues the last field's value, as folded header lines do (RFC 9112, 5.2).
  mutating func continueLast(_ value: String) {
    guard let last = fields.indices.last else { return }
    fields[last].value += " " + value
  }

  /// All names as they were given, in order and with repetitions.
  var names: [String] { fields.map(\.name) }

  /// Names are ASCII (RFC 9110, 5.1): no other letters have a case here.
  static func areEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, value) in elements { add(name, value) }
  }
}

extension HTTPHeaders: CustomStringConvertible, CustomDebugStringConvertible {
  /// The names alone: values may be secrets.
  public var description: String { names.joined(separator: ", ") }
  public var debugDescription: String { description }
}
