/// By what minisign tells keys apart: 8 random bytes, which prove nothing.
public struct KeyID: Hashable, Sendable {
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
}

extension KeyID: CustomStringConvertible {
  /// As minisign prints it: the bytes as one little-endian number, `5FE4D7A6B50843CC`.
  public var description: String {
    let digits = Array("0123456789ABCDEF".utf8)
    let text = bytes.reversed().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}
