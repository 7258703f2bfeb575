import Digests
import Images

/// What the lists of an archive call an image, told apart: names that a registry could know it by, and what only looks
/// like one.
///
/// Tools write digests, image IDs, `<none>` and addresses with a scheme where a name belongs. None of these may become
/// a repository: who imports such an image has to say what it is called.
enum ArchiveName {
  /// The name of the image with this root that `index.json` gives as `text`; nil where it is a tag and no more, or no
  /// name. Names without a host, which skopeo writes too, are docker's.
  static func reference(_ text: String, of root: Digest) -> Reference? {
    guard let reference = try? Reference(text) else {
      guard text.contains("/") || text.contains(":") else { return nil }
      return dockerReference(text, of: root)
    }
    return checked(reference, of: root)
  }

  /// The same for a name as docker writes it.
  static func dockerReference(_ text: String, of root: Digest) -> Reference? {
    guard !transports.contains(where: { text.hasPrefix($0 + ":") }) else { return nil }
    return (try? Reference(dockerName: text)).flatMap { checked($0, of: root) }
  }

  /// Whether `text` is an image's ID or the hexadecimal part of a digest, which docker takes for no name, and nobody
  /// for a tag.
  static func isID(_ text: some StringProtocol) -> Bool {
    [64, 96, 128].contains(text.utf8.count) && isHexadecimal(text)
  }

  /// Whether `text` is an image's ID as docker shows it, whole or cut. In docker's own lists it stands for no name; in
  /// an `index.json` so short a one may be a commit's, which many take for a tag.
  static func isShownID(_ text: String) -> Bool {
    [12, 64].contains(text.utf8.count) && isHexadecimal(text)
  }

  /// How skopeo and podman write where an image lies, not what it is called.
  private static let transports = [
    "docker-archive", "docker-daemon", "oci-archive", "containers-storage",
  ]

  private static func isHexadecimal(_ text: some StringProtocol) -> Bool {
    text.utf8.allSatisfy {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0 | 0x20)
    }
  }

  /// `reference`, unless it is a digest in disguise or names another image than this.
  private static func checked(_ reference: Reference, of root: Digest) -> Reference? {
    if let digest = reference.digest, digest != root { return nil }
    let last = reference.repository.split(separator: "/").last ?? ""
    return reference.isDigestInDisguise || isID(last) ? nil : reference
  }
}
