/// By what minisign tells keys apart: 8 random bytes, which prove nothing.
public struct KeyID: Hashable, Sendable {
  let bytes: [UInt8]

  init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
}

extension KeyID: CustomStringConvertible {
  /// As minisign prints it: the bytes as one little-endian number, `5FE4D7A6B50843CC`, without leading zeros.
  public var description: String {
    String(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }, radix: 16, uppercase: true)
  }
}
