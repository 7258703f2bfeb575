import Foundation
import TestSupport

/// A `docker-credential-x` in ferry's PATH that writes down how it was called.
struct CredentialHelper {
  private let ferry: FerryProcess

  /// Installs the program. It knows the keys of `keys` by server, and nothing of any other.
  init(in move: inout Move, keys: [String: String]) throws {
    let cases = keys.map { server, key in
      #"\#(server)) printf '{"ServerURL":"%s","Username":"$oauthtoken","Secret":"%s"}' "$server" '\#(key)';;"#
    }
    let program = """
      #!/bin/sh
      read -r server
      { printf 'asked %s %s\\n' "$*" "$server"; env; } >> "$HOME/helper.txt"
      case "$server" in
      \(cases.joined(separator: "\n"))
      *) echo 'credentials not found in native keychain'; exit 1;;
      esac
      """
    try FileManager.default.createDirectory(
      atPath: move.ferry.file("bin"), withIntermediateDirectories: true)
    try move.hide(program, in: "bin/docker-credential-x")
    chmod(move.ferry.file("bin/docker-credential-x"), 0o700)
    move.ferry.environment["PATH"] = "\(move.ferry.file("bin")):/usr/bin:/bin"
    ferry = move.ferry
  }

  /// `get server` of each call so far.
  var questions: [String] {
    text.split(separator: "\n").filter { $0.hasPrefix("asked ") }.map { String($0.dropFirst(6)) }
  }

  /// Calls with the variables the program had.
  var text: String { (try? String(contentsOfFile: ferry.file("helper.txt"), encoding: .utf8)) ?? "" }
}
