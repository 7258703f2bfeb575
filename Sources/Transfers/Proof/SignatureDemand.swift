public import Digests

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

  /// Demands a signature over `content`, that of `subject`, in the file named after `signed`.
  @discardableResult
  func check(
    _ content: [UInt8], of subject: String, beside signed: String
  ) throws(TransferError) -> DetachedSignature {
    let path = self.path ?? ArchiveSignature.path(for: signed)
    guard let text = ArchiveSignature.file(path) else { throw .unsigned(path: subject, signature: path) }
    do throws(SignatureError) {
      let signature = try DetachedSignature(text: text)
      try key.check(signature, of: content)
      return signature
    } catch {
      throw .signatureRefused(path: subject, signature: path, error)
    }
  }
}
