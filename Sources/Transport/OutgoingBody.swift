/// What a request carries.
@safe enum OutgoingBody {
  case none
  case bytes([UInt8])
  case source(size: Int64, fill: (UnsafeMutableRawBufferPointer) throws -> Int)

  /// In bytes.
  var size: Int64 {
    switch self {
    case .none: 0
    case .bytes(let bytes): Int64(bytes.count)
    case .source(let size, _): size
    }
  }
}
