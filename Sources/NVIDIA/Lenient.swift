/// A JSON value that is nil when it has another type: only names are worth failing for.
struct Lenient<Value: Decodable>: Decodable {
  let value: Value?

  init(from decoder: any Decoder) {
    value = try? Value(from: decoder)
  }
}

extension Optional {
  /// The value, if it is there and has its type.
  func value<Value>() -> Value? where Wrapped == Lenient<Value> {
    flatMap(\.value)
  }
}
