import FoundationEssentials
import Glibc

/// What docker and podman keep for TLS with single registries (docker's "Use certificates for repository client
/// verification", containers-certs.d(5)): below `certs.d`, a directory `HOST` or `HOST:PORT` with `*.crt`, authorities to
/// trust there, and `NAME.cert` with `NAME.key`, to be shown there.
public struct HostCertificates: Sendable {
  /// The directories called `certs.d`, in the order in which they are looked at. All of them count.
  private let directories: [String]

  public init(directories: [String]) {
    self.directories = directories
  }

  /// What is kept for one host. All are paths.
  public struct Found: Hashable, Sendable {
    public var authorities: [String] = []
    public var pairs: [Pair] = []
    /// Halves of pairs that stand alone.
    public var halves: [Half] = []
    /// What may not be read, or holds no certificate where one should be.
    public var unusable: [String] = []
  }

  /// A certificate to be shown, and its key.
  public struct Pair: Hashable, Sendable {
    public let certificate: String
    public let key: String
  }

  /// A certificate without its key, or a key without its certificate, at the path that is missing.
  public struct Half: Hashable, Sendable {
    public let path: String
    public let missing: String
  }

  /// What is kept for `port` of `host`, as they stand in a URL. The port that need not be said may be left out.
  public func find(host: String, port: Int) -> Found {
    var found = Found()
    guard host != ".", host != ".." else { return found }
    let names = ["\(host):\(port)"] + (port == 443 ? [host] : [])
    for directory in directories {
      for name in names { Self.add(to: &found, from: "\(directory)/\(name)") }
    }
    return found
  }

  private static func add(to found: inout Found, from directory: String) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
      if FileManager.default.fileExists(atPath: directory) { found.unusable.append(directory) }
      return
    }
    let all = Set(names)
    for name in names.sorted() {
      let path = "\(directory)/\(name)"
      if name.hasSuffix(".crt") {
        if CertificateFile.holdsCertificate(path) {
          found.authorities.append(path)
        } else {
          found.unusable.append(path)
        }
      } else if let stem = name.stem(before: ".cert") {
        let key = "\(directory)/\(stem).key"
        guard all.contains("\(stem).key") else {
          found.halves.append(Half(path: path, missing: key))
          continue
        }
        // A key that only the daemon may read is no fault of the user's.
        let locked = [path, key].filter { (file: String) in unsafe access(file, R_OK) != 0 }
        found.unusable += locked
        if locked.isEmpty { found.pairs.append(Pair(certificate: path, key: key)) }
      } else if let stem = name.stem(before: ".key"), !all.contains("\(stem).cert") {
        found.halves.append(Half(path: path, missing: "\(directory)/\(stem).cert"))
      }
    }
  }
}

/// Files of certificates in PEM form.
public enum CertificateFile {
  /// Far beyond any bundle, in bytes.
  private static let longest: UInt64 = 8 << 20

  /// Whether the plain file at `path` can be read and holds a certificate.
  static func holdsCertificate(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= longest,
      let bytes = FileManager.default.contents(atPath: path)
    else { return false }
    let text = String(decoding: bytes, as: UTF8.self)
    return ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"].contains {
      text.contains("-----BEGIN \($0)-----")
    }
  }

  /// The certificates in `directories`, between which stand colons, that OpenSSL would not find there: it looks for files
  /// that are named by a hash (`c_rehash`), other tools take any file. Nothing is read where one is named so.
  public static func unhashed(in directories: String) -> [String] {
    directories.split(separator: ":").flatMap { directory -> [String] in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: String(directory))) ?? []
      guard !names.contains(where: isHash) else { return [] }
      return names.sorted().map { "\(directory)/\($0)" }.filter(holdsCertificate)
    }
  }

  /// Whether a name is eight digits of a hash and a number.
  private static func isHash(_ name: String) -> Bool {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].utf8.count == 8 && parts[0].allSatisfy(\.isHexDigit)
      && Int(parts[1]) != nil
  }
}

extension Environment {
  /// Where docker and podman look for `certs.d`, the user's own places first: podman's, those of docker without root
  /// and of Docker Desktop, and the system's.
  public var hostCertificateDirectories: [String] {
    var parents: [String] = []
    if let config = configDirectory { parents += ["\(config)/containers", "\(config)/docker"] }
    // Podman looks there whatever the variable says.
    if let home = value(of: .home) { parents += ["\(home)/.config/containers", "\(home)/.docker"] }
    parents += ["/etc/containers", "/etc/docker"]
    var seen: Set<String> = []
    return parents.filter { seen.insert($0).inserted }.map { "\($0)/certs.d" }
  }
}

extension String {
  /// What stands before `ending`; nil when the text does not end so, or nothing does.
  fileprivate func stem(before ending: String) -> String? {
    hasSuffix(ending) && count > ending.count ? String(dropLast(ending.count)) : nil
  }
}
