import ArgumentParser

/// A number of bytes as people write it: `4096`, `512K`, `20M`, `4GiB`. K, M, G and T are powers of 1024,
/// KB, MB, GB and TB powers of 1000.
struct ByteSize: Hashable {
  let bytes: Int64

  static func parse(_ text: String) throws -> ByteSize {
    guard let size = ByteSize(text) else {
      throw ValidationError("'\(text)' is not a size such as 4096, 512K, 20M or 4G.")
    }
    return size
  }

  init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits) else { return nil }
    let unit = text[digits.endIndex...].lowercased()
    let exponents: [Character: Int] = ["k": 1, "m": 2, "g": 3, "t": 4]
    var factor: Int64 = 1
    if let first = unit.first, let exponent = exponents[first] {
      let base: Int64
      switch unit.dropFirst() {
      case "", "ib": base = 1024
      case "b": base = 1000
      default: return nil
      }
      for _ in 0..<exponent { factor *= base }
    } else if unit != "", unit != "b" {
      return nil
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow else { return nil }
    self.bytes = bytes
  }
}
