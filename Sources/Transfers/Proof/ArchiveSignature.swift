public import Digests
import Files
import FoundationEssentials
import Layouts

/// How an archive is signed. What is signed is its digest, as the one line of a file beside it: minisign can then
/// check and make such signatures without knowing what an archive is.
///
/// - `NAME.tar.digest` holds `sha256:<hex>` and a line feed.
/// - `NAME.tar.digest.minisig` is the signature over that file.
struct ArchiveSignature: Sendable {
  let digestPath: String
  var path: String { Self.path(for: digestPath) }

  /// The files beside `archive`: a tar, a directory, or what the names of volumes begin with.
  init(of archive: String) {
    digestPath = ArchiveCompanion.digest.path(beside: Self.baseName(of: archive))
  }

  private static let ending = ".minisig"

  /// Where the signature of a file lies.
  static func path(for signed: String) -> String { signed + ending }

  /// The file that a signature lies beside.
  static func signed(by path: String) -> String? {
    path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : nil
  }

  /// What is signed for an archive.
  static func content(for digest: Digest) -> [UInt8] { Array("\(digest)\n".utf8) }

  /// Makes sure that `digest`, where that is known, and its signature by `key` can be written. Throws `FileError`, `foreign`
  /// among them for other files of these names.
  func checkWritable(_ digest: Digest?, with key: SigningKey) throws(FileError) {
    try AtomicFile.checkReplacing(digestPath, where: Self.isDigest)
    if let digest, Self.isSigned(Self.signed(digest), at: digestPath, by: key) { return }
    try AtomicFile.checkReplacing(path, where: Self.isSignature)
  }

  /// Whether a digest lies there.
  var isThere: Bool { (try? DataFile.open(reading: digestPath)).map(Self.isDigest) ?? false }

  /// Whether the file holds a digest alone, as ``write(_:with:)`` writes it.
  private static func isDigest(_ file: DataFile) -> Bool {
    guard let bytes = try? file.read(1 << 10, at: 0), bytes.last == UInt8(ascii: "\n") else { return false }
    return (try? Digest(String(decoding: bytes.dropLast(), as: UTF8.self)))?.algorithm == .sha256
  }

  /// Whether the file holds a signature as Ferry writes it: one that somebody has made with minisign is as much theirs as any
  /// other file.
  static func isSignature(_ file: DataFile) -> Bool {
    (try? file.read(64 << 10, at: 0)).map { (try? DetachedSignature(text: $0))?.text == $0 } ?? false
  }

  /// Writes the digest and its signature. What is there already and right stays as it is: a signature says when
  /// it was made. Returns whether there is a new signature. Blocks.
  func write(_ digest: Digest, with key: SigningKey) throws -> Bool {
    let content = Self.content(for: digest)
    if Self.file(digestPath) != content {
      try AtomicFile.replace(digestPath, with: content, where: Self.isDigest)
    }
    return try Self.sign(Self.signed(digest), at: digestPath, with: key)
  }

  private static func signed(_ digest: Digest) -> SignedContent {
    var signed = SignedContent()
    signed.update(content(for: digest))
    return signed
  }

  /// Whether a right signature lies beside the file `signed`, whoever wrote it there.
  private static func isSigned(_ content: SignedContent, at signed: String, by key: SigningKey) -> Bool {
    guard let text = file(path(for: signed)), let present = try? DetachedSignature(text: text) else {
      return false
    }
    return (try? key.verificationKey.check(present, of: content)) != nil
  }

  /// Puts beside the file `signed`, which holds `content`, its signature, unless there is a right one.
  /// Returns whether it did. Blocks.
  @discardableResult
  static func sign(_ content: SignedContent, at signed: String, with key: SigningKey) throws -> Bool {
    let path = path(for: signed)
    if isSigned(content, at: signed, by: key) { return false }
    let name = signed.split(separator: "/").last.map(String.init) ?? signed
    // The form that minisign gives its comments.
    let comment = "timestamp:\(Int64(Date().timeIntervalSince1970))\tfile:\(name)\thashed"
    try AtomicFile.replace(
      path, with: key.sign(content, trustedComment: comment).text, where: isSignature)
    return true
  }

  /// What the small file at `path` holds; nil when it is not there, cannot be read or is no such file.
  static func file(_ path: String) -> [UInt8]? {
    guard let file = try? DataFile.open(reading: path), let size = try? file.size(), size <= 64 << 10 else {
      return nil
    }
    return try? file.read(Int(size), at: 0)
  }

  /// The name that an archive's other files are called after: a directory's without its slash.
  private static func baseName(of archive: String) -> String {
    var name = archive[...]
    while name.hasSuffix("/"), name.count > 1 { name.removeLast() }
    return String(name)
  }
}

/// That something must be signed, and by whom.
public struct SignatureDemand: Sendable {
  public let key: VerificationKey
  /// The file that holds the signature; nil: beside what it signs.
  public let path: String?

  public init(_ key: VerificationKey, path: String? = nil) {
    self.key = key
    self.path = path
  }

  /// Demands a signature over the digest of the archive at `archive`. Throws
  /// ``TransferError/unsigned(path:signature:)``, ``TransferError/signatureRefused(path:signature:_:)`` and
  /// ``TransferError/signedOther(path:signature:signed:actual:)``. Blocks.
  @discardableResult
  func check(archive: String, digest: Digest) throws(TransferError) -> DetachedSignature {
    let place = ArchiveSignature(of: archive)
    do {
      return try check(ArchiveSignature.content(for: digest), of: archive, beside: place.digestPath)
    } catch .signatureRefused(_, let signature, .invalid) {
      // A right signature over another digest is another archive's.
      let signed = ArchiveSignature.signed(by: signature) ?? place.digestPath
      if let content = ArchiveSignature.file(signed),
        (try? check(content, of: archive, beside: place.digestPath)) != nil,
        let signed = try? Digest(String(decoding: content, as: UTF8.self).filter { !$0.isNewline })
      {
        throw .signedOther(path: archive, signature: signature, signed: signed, actual: digest)
      }
      throw .signatureRefused(path: archive, signature: signature, .invalid)
    }
  }

  /// Demands a signature over the `content` of the file at `path`, beside it. Throws
  /// ``TransferError/unsigned(path:signature:)`` and ``TransferError/signatureRefused(path:signature:_:)``. Blocks.
  func check(_ content: SignedContent, of path: String) throws(TransferError) {
    _ = try check(path, beside: path) { signature throws(SignatureError) in
      try key.check(signature, of: content)
    }
  }

  /// Demands a signature over `content`, that of `subject`, in the file named after `signed`.
  private func check(
    _ content: [UInt8], of subject: String, beside signed: String
  ) throws(TransferError) -> DetachedSignature {
    try check(subject, beside: signed) { signature throws(SignatureError) in
      try key.check(signature, of: content)
    }
  }

  private func check(
    _ subject: String, beside signed: String, by check: (DetachedSignature) throws(SignatureError) -> Void
  ) throws(TransferError) -> DetachedSignature {
    let path = self.path ?? ArchiveSignature.path(for: signed)
    guard let text = ArchiveSignature.file(path) else { throw .unsigned(path: subject, signature: path) }
    do throws(SignatureError) {
      let signature = try DetachedSignature(text: text)
      try check(signature)
      return signature
    } catch {
      throw .signatureRefused(path: subject, signature: path, error)
    }
  }
}
