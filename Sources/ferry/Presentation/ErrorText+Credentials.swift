extension ErrorText {
  init(credential error: CredentialError) {
    switch error {
    case .unreadable(let path): self.init("cannot read \(path)", .notFound)
    case .malformed(let path, let why):
      self.init(
        "\(path) is not a docker or containers auth file that can be used\(why.map { ": \($0)" } ?? "")",
        remedy: "Mend it, or name another with --auth-file.",
        .usage)
    case .notAKey(let path):
      self.init("\(path) does not hold one line with an API key", .usage)
    case .halfSet(let present, let missing):
      self.init("\(present) is set, \(missing) is not", remedy: "Set both, or neither.", .usage)
    case .noPasswordOnStandardInput:
      self.init(
        "no password came on standard input", remedy: "Pipe it in: ferry … --password-stdin < password.txt",
        .usage)
    case .oneLoginForSeveralHosts(let source, let hosts):
      self.init(
        "\(NoteText.words(for: source)) can be of one registry only, and \(hosts.count) are named: "
          + hosts.map(Wording.value).joined(separator: ", "),
        remedy: "Take one registry at a time, or let --auth-file name a login for each.", .usage)
    }
  }
}
