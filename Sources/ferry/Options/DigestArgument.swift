import ArgumentParser
import Digests

/// A digest on the command line.
enum DigestArgument {
  static func parse(_ text: String) throws -> Digest {
    do { return try Digest(text) } catch {
      throw ValidationError("'\(text)' is not sha256: and 64 hexadecimal digits.")
    }
  }
}
