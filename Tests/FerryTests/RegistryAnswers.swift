import Foundation
import TestSupport

/// What a registry says of images when others than ferry ask.
struct RegistryAnswers {
  let registry: RegistryProcess
  var login: (username: String, password: String)?

  /// The digest of the manifest's bytes as skopeo gets them.
  func skopeoDigest(of name: String) throws -> String {
    var arguments = ["inspect", "--raw"]
    if let authority = registry.options.authority {
      arguments += ["--cert-dir", try Self.certificates(authority)]
    } else {
      arguments += ["--tls-verify=false"]
    }
    arguments += login.map { ["--creds", "\($0.username):\($0.password)"] } ?? ["--no-creds"]
    let result = try Command("skopeo", arguments + ["docker://\(registry.reference(name))"]).run()
    guard result.status == 0 else { throw TestFailure("skopeo: \(result.standardError)") }
    return BlobDigest.of(result.output)
  }

  /// The digests that the registry's own API gives for `names` (`repository:tag` or `repository@digest`);
  /// nil where it has none.
  func digests(of names: [String]) throws -> [String?] {
    let types = [
      "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.docker.distribution.manifest.v2+json",
    ]
    var arguments = ["-s", "-I", "--noproxy", "*", "-H", "Accept: \(types.joined(separator: ", "))"]
    if let authority = registry.options.authority { arguments += ["--cacert", authority.file] }
    if let login { arguments += ["-u", "\(login.username):\(login.password)"] }
    arguments += names.map { name in
      let end = name.firstIndex(of: "@") ?? name.lastIndex(of: ":") ?? name.endIndex
      return "\(registry.url)/v2/\(name[..<end])/manifests/\(name[end...].dropFirst())"
    }
    let answers = try Command.run("curl", arguments).components(separatedBy: "\r\n\r\n").dropLast()
    return answers.map { answer in
      answer.firstMatch(of: /(?i)\r\ndocker-content-digest: (\S+)/).map { String($0.1) }
    }
  }

  /// A directory as skopeo wants it, with the authority's certificate.
  private static func certificates(_ authority: CertificateAuthority) throws -> String {
    let path = try RunDirectory.make("skopeo-certificates")
    try Command.run("cp", [authority.file, "\(path)/ca.crt"])
    return path
  }
}
