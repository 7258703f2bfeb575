/// How a transfer ended in libcurl's words.
struct TransferOutcome {
  /// The CURLcode.
  let code: Int
  /// What libcurl, or OpenSSL through it, says about it.
  let reason: String
  /// The system's error number, where a system call failed.
  let systemError: Int32
  /// The declared length of the answer's body, in bytes.
  let expected: Int64?
}
