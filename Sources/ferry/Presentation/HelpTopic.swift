import Credentials

/// What can be read about beside the commands: `ferry help environment`. The manual pages are made of the same texts.
enum HelpTopic: String, CaseIterable {
  case environment
  case exitStatus = "exit-status"
  case files

  /// The topic that a command line asks for, as it stands behind the program's name; nil for any other.
  init?(asked arguments: some Collection<String>) {
    guard arguments.count == 2, arguments.first == "help", let name = arguments.dropFirst().first else {
      return nil
    }
    self.init(rawValue: name)
  }

  /// What a command line asks `ferry help` about that is none of `commands` and no topic; nil for any other.
  static func unknown(asked arguments: some Collection<String>, commands: [String]) -> String? {
    guard arguments.first == "help", let name = arguments.dropFirst().first, !name.hasPrefix("-"),
      name != "help", !commands.contains(name), Self(rawValue: name) == nil
    else { return nil }
    return name
  }

  /// Names, one a line, with what they mean below them.
  var text: String {
    entries.map { names, meaning in
      names.joined(separator: ",\n") + "\n" + Self.lines(of: meaning).map { "    \($0)\n" }.joined()
    }.joined(separator: "\n")
  }

  private var entries: [(names: [String], meaning: String)] {
    switch self {
    case .environment: EnvironmentVariable.allCases.map { (["\($0)"], $0.meaning) }
    case .exitStatus: ExitStatus.allCases.map { (["\($0.rawValue) \($0.phrase)"], $0.meaning) }
    case .files: Self.fileEntries
    }
  }

  private static let width = 76

  private static func lines(of text: String) -> [String] {
    var lines: [String] = [""]
    for word in text.split(separator: " ") {
      if let last = lines.last, !last.isEmpty, last.count + 1 + word.count > width {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] += (lines.last?.isEmpty == true ? "" : " ") + word
      }
    }
    return lines
  }

  private static let fileEntries: [([String], String)] = [
    (
      ["NAME.tar.partial", "NAME.tar.partial.journal"],
      "An archive that is not whole yet, and what of it is there. The same export goes on with them; an archive without .partial in its name is whole."
    ),
    (
      ["NAME.tar.001", "NAME.tar.002", "…"],
      "The volumes of an archive (--volume-size). Any of them, or NAME.tar, stands for all."
    ),
    (["NAME.tar.sha256"], "What sha256sum -c reads (--checksum)."),
    (["NAME.tar.digest", "NAME.tar.digest.minisig"], "The archive digest and its signature (--sign-key)."),
    (
      ["ferry-VERSION-linux-ARCHITECTURE", "ferry-VERSION-linux-ARCHITECTURE.README.txt"],
      "This program, to open the archives with where they arrive (--with-ferry)."
    ),
    (
      ["NAME.tar.import-journal", "NAME.tar.check-journal"],
      "What an import or a check that was broken off resumes by. They go when it is done. Where the archive's place cannot be written they are in \(EnvironmentVariable.stateHome)/ferry or ~/.local/state/ferry."
    ),
    (
      [
        "~/.docker/config.json", "$\(EnvironmentVariable.runtimeDirectory)/containers/auth.json",
        "~/.config/containers/auth.json",
      ],
      "Where docker and podman keep logins. Read, never written."
    ),
    (
      [
        "~/.config/containers/certs.d", "~/.config/docker/certs.d", "~/.docker/certs.d",
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
      ],
      "Below them a directory HOST or HOST:PORT has certificate authorities (*.crt) and client certificates (*.cert with *.key) for that host."
    ),
    (
      [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/var/lib/ca-certificates/ca-bundle.pem",
        "/etc/ssl/cert.pem", "/etc/pki/tls/cacert.pem",
      ],
      "The system's certificate authorities, wherever its family of distributions keeps them."
    ),
  ]
}

extension EnvironmentVariable {
  /// What it is for.
  var meaning: String {
    switch self {
    case .exportAPIKey:
      "The API key for list, export and check against a source, where --api-key-file gives none."
    case .exportUsername: "The user for them, with \(Self.exportPassword), where --username gives none."
    case .exportPassword: "The password of \(Self.exportUsername)."
    case .importAPIKey: "The API key for import and check --to, where --api-key-file gives none."
    case .importUsername: "The user for them, with \(Self.importPassword), where --username gives none."
    case .importPassword: "The password of \(Self.importUsername)."
    case .ngcAPIKey:
      "NGC's API key, for import to NVIDIA's hosts, where none of Ferry's own variables is set."
    case .ngcCLIAPIKey: "The same, as NGC's own command line calls it; \(Self.ngcAPIKey) comes first."
    case .signPassphrase:
      "The password of the secret key given with --sign-key. It is asked for at a terminal otherwise."
    case .dgxAPI: "The base URL of the DGX registry's REST service; https://compute.nvidia.com unless set."
    case .ngcAPI: "The base URL of NGC's REST service; https://api.ngc.nvidia.com unless set."
    case .ngcAuthn: "The base URL of NGC's token service; https://authn.nvidia.com unless set."
    case .nvidiaHosts: "The registry hosts to be treated as NVIDIA's, between commas; nvcr.io unless set."
    case .nvidiaRealmHosts:
      "The hosts to which these registries may send for tokens, between commas; nvcr.io,registry.nvidia.com,authn.nvidia.com unless set."
    case .registryAuthFile:
      "The auth file to look for logins in first, where --auth-file names none."
    case .dockerConfig: "The directory of docker's config.json; ~/.docker unless set."
    case .home: "The home directory, for auth files, certificates of hosts, and journals."
    case .stateHome:
      "Where journals go when an archive's own place cannot be written; ~/.local/state unless set."
    case .configHome: "Where containers/auth.json and certs.d are; ~/.config unless set."
    case .runtimeDirectory: "Where podman keeps containers/auth.json for a session."
    case .path: "Where credential helpers (docker-credential-NAME) are looked for."
    case .temporary: "Where nameless files go that are too large for the memory; /tmp unless set."
    case .curlCABundle: "A PEM file of certificate authorities in place of the system's, as curl takes it."
    case .sslCertFile: "The same, as OpenSSL takes it; \(Self.curlCABundle) comes first."
    case .sslCertDirectory:
      "A directory of certificate authorities, or several with colons between them, as OpenSSL takes it."
    case .sslKeyLogFile: "Not obeyed: the keys of TLS sessions are written nowhere."
    case .httpProxy:
      "The proxy for plain http, http://HOST:PORT. \(Self.httpProxy.rawValue.uppercased()) is not looked at."
    case .httpsProxy: "The proxy for https."
    case .httpsProxyInCapitals: "The same; the one in small letters comes first."
    case .allProxy: "The proxy for both, where theirs is not set."
    case .allProxyInCapitals: "The same; the one in small letters comes first."
    case .noProxy:
      "Hosts, addresses and networks that are reached without a proxy, between commas; * for all."
    case .noProxyInCapitals: "The same; the one in small letters comes first."
    }
  }
}

extension ExitStatus {
  /// In a word or two.
  var phrase: String {
    switch self {
    case .done: "done"
    case .unforeseen: "unforeseen"
    case .someFailed: "some failed"
    case .differences: "differences"
    case .credentialsRefused: "credentials refused"
    case .permissionDenied: "permission denied"
    case .notFound: "not found"
    case .networkFailed: "network failed"
    case .integrityFailure: "integrity failure"
    case .destinationConflict: "destination conflict"
    case .cannotWrite: "cannot write"
    case .usage: "usage"
    case .interrupted: "interrupted"
    }
  }

  var meaning: String {
    switch self {
    case .done: "All that was asked for is there, was looked at in this run, and is right."
    case .unforeseen: "Something went wrong that Ferry has no other status for."
    case .someFailed:
      "Some images failed and the others are done (--keep-going, --allow-missing); or a list is not complete; or of some images check could not tell."
    case .differences:
      "With --dry-run, the run would replace something; check, verify --receipt and verify --list found that something is missing, has changed or is new; images were skipped (--existing skip)."
    case .credentialsRefused: "The registry refuses the credentials, or needs some and none were found."
    case .permissionDenied: "The credentials are good and may not do this."
    case .notFound: "There is no such repository, tag, platform, image or file, or no image at all."
    case .networkFailed:
      "The network failed after all retries, a certificate is not trusted, or the registry breaks the protocol."
    case .integrityFailure:
      "Bytes are not what their digest says: an archive is damaged, unfinished, ambiguous or not the one expected, a volume is missing, a signature is not right."
    case .destinationConflict: "A tag, another image, or a file that is not Ferry's is in the way."
    case .cannotWrite:
      "A disk or registry takes nothing more: full, failing, read-only, no permission, no such directory."
    case .usage: "The command line cannot be meant."
    case .interrupted: "Interrupted; the same command goes on where it was."
    }
  }

  /// All of them in columns, for the program's own help.
  static var table: String {
    let columns = 3
    let rows = (allCases.count + columns - 1) / columns
    return (0..<rows).map { row in
      stride(from: row, to: allCases.count, by: rows).map { index in
        let status = allCases[index]
        let text =
          String(repeating: " ", count: 4 - "\(status.rawValue)".count)
          + "\(status.rawValue) \(status.phrase)"
        return text + String(repeating: " ", count: max(0, 27 - text.count))
      }.joined().droppingTrailingSpaces
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var droppingTrailingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
