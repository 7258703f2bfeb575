import FoundationEssentials

/// The text that minisign's files are: comments and lines of base64.
enum MinisignText {
  static let untrusted = "untrusted comment: "
  static let trusted = "trusted comment: "
  /// Beyond any such file, in bytes: minisign's own comments have at most 8 KiB.
  static let longest = 16 << 10

  /// The lines without their ends; nil when it is no text, or far too long. Empty lines at the end are none.
  static func lines(of bytes: [UInt8]) -> [String]? {
    guard bytes.count <= longest, let text = String(validating: bytes, as: UTF8.self), !text.contains("\0")
    else { return nil }
    // As Characters, for "\r\n" is one.
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  /// The bytes that a line of base64 stands for; nil unless there are exactly `count`, in the one way that they are written.
  /// minisign takes no other: where an end is longer by a `=`, or has bits that count for nothing, the text could be changed
  /// and still be right.
  static func bytes(_ base64: String, count: Int) -> [UInt8]? {
    guard let data = Data(base64Encoded: base64), data.count == count, data.base64EncodedString() == base64
    else { return nil }
    return [UInt8](data)
  }

  static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}

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

/// Why a signature, or a key, is not what it should be. No case ever holds part of a secret.
public enum SignatureError: Error, Hashable, Sendable {
  /// No minisign signature.
  case malformedSignature(Malformation)
  /// No minisign public key.
  case malformedPublicKey
  /// No minisign secret key.
  case malformedSecretKey
  /// A secret key whose password costs more memory than Ferry gives it, in bytes.
  case costlyPassword(memory: UInt64)
  /// Its password is to cost many times the work that minisign asks for.
  case slowPassword
  /// The password does not open the secret key, or the key is damaged.
  case wrongPassword
  /// Made with another key than the one demanded.
  case otherKey(expected: KeyID, actual: KeyID)
  /// A signature of minisign's old form, over the content itself, and more content than is checked so, in bytes.
  case legacyTooLong(limit: Int64)
  /// Not a signature of this content by this key.
  case invalid
  /// The content's signature is right; the trusted comment is not the one that was signed.
  case alteredComment

  /// What a text has not that a minisign signature has.
  public enum Malformation: Hashable, Sendable {
    /// Other than four lines.
    case lineCount
    case noUntrustedComment
    /// No bytes of the length of an Ed25519 signature, or of that and what stands before it.
    case noSignature
    case unknownAlgorithm
    case noTrustedComment
  }
}
