extension [UInt8] {
  /// What a server said, without what was sent to it in confidence, which it may have repeated. Only the first
  /// 64 KiB are kept: no complaint is longer.
  public func hiding(_ secrets: [String]) -> [UInt8] {
    var text = String(decoding: prefix(64 << 10), as: UTF8.self)
    // A single character stands in every other word.
    for secret in secrets where secret.utf8.count > 1 {
      // JSON may write a slash with a backslash before it.
      let spellings: Set = [secret, secret.replacing("/", with: "\\/")]
      for spelling in spellings { text = text.replacing(spelling, with: "…") }
    }
    return Array(text.utf8)
  }
}
