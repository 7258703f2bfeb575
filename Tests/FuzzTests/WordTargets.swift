import Transport

@testable import Digests
@testable import Images
@testable import Registry
@testable import Transfers

extension FuzzTarget {
  /// Headers, names, patterns, keys.
  static let words = [
    FuzzTarget("challenge", longest: 2048) { bytes in
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
      let challenges = Challenge.parse(lines)
      try promise(challenges.count <= 16 * 16, "more challenges than are read")
      for challenge in challenges {
        try promise(
          challenge.scheme == challenge.scheme.lowercased() && !challenge.scheme.isEmpty
            && challenge.parameters.count <= 32, "a challenge out of bounds")
        // Written as the specification has it, it is the same.
        let parameters = challenge.parameters.map { name, value in
          // By scalars: an accent behind a quotation mark makes one character of both.
          let quoted = value.unicodeScalars.map { "\\\"".unicodeScalars.contains($0) ? "\\\($0)" : "\($0)" }
          return "\(name)=\"\(quoted.joined())\""
        }
        let again = Challenge.parse(["\(challenge.scheme) " + parameters.joined(separator: ",")])
        try promise(again == [challenge], "a challenge that changes")
      }
    },
    FuzzTarget("link", longest: 2048) { bytes in
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
      guard case .next(let target) = LinkHeader(lines) else { return }
      try promise(LinkHeader(["<\(target)>; rel=\"next\""]) == .next(target), "a link that changes")
    },
    FuzzTarget("url", longest: 1024) { bytes in
      guard let text = bytes.text else { return }
      let base = try HTTPURL("https://registry.example:5000/v2/a/blobs/uploads/1?state=x")
      for url in [try? HTTPURL(text), try? base.resolving(text)] {
        guard let url, !url.hasUserInfo else { continue }
        try promise(try HTTPURL(url.full) == url, "an address that changes")
      }
    },
    FuzzTarget("reference", longest: 512) { bytes in
      guard let text = bytes.text else { return }
      if let reference = try? Reference(text) {
        try promise(try Reference(reference.description) == reference, "a reference that changes")
        try promise(RepositoryName.isValid(reference.repository), "a repository that is none")
      }
      if let reference = try? Reference(anyTag: text) {
        try promise(try Reference(anyTag: reference.description) == reference, "a reference that changes")
      }
      if let reference = try? Reference(dockerName: text) {
        try promise(try Reference(reference.description) == reference, "a docker name that changes")
      }
      if let location = try? RegistryLocation(text) {
        try promise(try RegistryLocation(location.description) == location, "a place that changes")
      }
      if let digest = try? Digest(text) { try promise(digest.description == text, "a digest that changes") }
      if let platform = Platform(text) {
        try promise(Platform(platform.description) == platform, "a platform that changes")
      }
    },
    FuzzTarget("range", longest: 128) { bytes in
      guard let text = bytes.text else { return }
      if let range = ContentRange(text) {
        try promise(range.first >= 0 && range.last >= range.first, "a range that is none")
        try promise(range.total.map { $0 > range.last } ?? true, "a range beyond its whole")
        let total = range.total.map(String.init) ?? "*"
        try promise(
          ContentRange("bytes \(range.first)-\(range.last)/\(total)") == range, "a range that changes")
      }
      if let range = UploadRange(text) {
        try promise(range.next >= 0, "a range that is none")
        if range.next > 1 {
          try promise(UploadRange("0-\(range.next - 1)") == range, "a range that changes")
        }
      }
    },
    FuzzTarget("minisign", longest: 2048) { bytes in
      if let key = try? VerificationKey(text: bytes) {
        try promise(key.point.count == 32 && key.id.bytes.count == 8, "a key of another size")
        if let signature = try? DetachedSignature(text: bytes) {
          try promise((try? key.check(signature, of: bytes)) == nil, "a file that signs itself")
        }
      }
      if let signature = try? DetachedSignature(text: bytes) {
        try promise(try DetachedSignature(text: signature.text) == signature, "a signature that changes")
      }
      // A password's key would take seconds.
      guard let file = try? SigningKeyFile(text: bytes), !file.isLocked, let key = try? file.open() else {
        return
      }
      let signature = try key.sign(bytes, trustedComment: "of this")
      try promise((try? key.verificationKey.check(signature, of: bytes)) != nil, "a key that is not its own")
    },
    FuzzTarget("rule", longest: 512) { bytes in
      let (line, rest) = bytes.lineAndRest
      guard let rule = line.text, let repository = rest.text else { return }
      _ = try? GivenName(repository)
      _ = try MappingRule(rule).apply(to: repository)
      if let name = try MappingRule("**=x/$1").apply(to: repository) {
        try promise(name == "x/" + repository, "a star that takes not all")
      }
    },
    FuzzTarget("glob", longest: 512) { bytes in
      let (line, rest) = bytes.lineAndRest
      guard let pattern = line.text, let text = rest.text else { return }
      let escaped = text.unicodeScalars.map { "\\\($0)" }.joined()
      try promise(Glob(escaped)?.matches(text) == true, "a text that is not itself")
      try promise(Glob("*\(escaped)*")?.matches(text) == true, "stars that do not take nothing")
      if let glob = Glob(pattern), glob.matches(text) {
        try promise(Glob("*" + pattern)?.matches(text) == true, "a star too many")
      }
      _ = try TagSelector(pattern.split(separator: " ").map(String.init)).selects(text)
    },
  ]
}
