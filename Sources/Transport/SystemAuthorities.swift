private import CCurl
private import Glibc

/// The certificate authorities that the machine's system trusts.
enum SystemAuthorities {
  /// Where systems keep them in one file: Debian's and those made after it, Fedora's and Red Hat's old and new, SUSE's old and
  /// new, Alpine's and the BSDs'.
  static let places = [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem", "/etc/pki/tls/cacert.pem",
  ]

  /// The one to use: `own`, which libcurl was built with, where it is there, or else the first of ``places`` that is. libcurl
  /// that is built for many systems has none of its own, and one that is run on another system than it was built for names a
  /// file that is not there.
  static func choose(own: String?, isThere: (String) -> Bool) -> String? {
    ([own].compactMap(\.self) + places).first(where: isThere)
  }

  /// The file; nil where none is found.
  static let file = choose(own: standard.file) { unsafe access($0, R_OK) == 0 }

  /// libcurl's own directory, if it has one.
  static let directory = standard.directory

  /// Whether libcurl finds them by itself.
  static let areOwn = file != nil && file == standard.file

  /// Where libcurl looks by itself.
  private static let standard: (file: String?, directory: String?) = {
    guard let info = unsafe curl_version_info(CURLVERSION_SEVENTH) else { return (nil, nil) }
    return unsafe (
      info.pointee.cainfo.map { unsafe String(cString: $0) },
      info.pointee.capath.map { unsafe String(cString: $0) }
    )
  }()
}
