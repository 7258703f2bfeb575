extension Reference {
  /// Parses a name as docker writes it, in `RepoTags` say: without a host it is one of `docker.io`, and there
  /// `alpine` is `library/alpine`.
  public init(dockerName text: String) throws(ReferenceError) {
    let slash = text.firstIndex(of: "/")
    let first = text[..<(slash ?? text.startIndex)]
    let isHost = first == "localhost" || first.hasPrefix("[") || first.contains(".") || first.contains(":")
    try self.init(isHost ? text : "docker.io/\(text)")
  }
}
