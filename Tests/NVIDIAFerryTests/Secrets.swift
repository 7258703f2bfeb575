import Foundation
import TestSupport

/// What must not be found anywhere: keys and tokens, in every spelling they are sent in, and signatures.
struct Secrets {
  private let spellings: [(name: String, text: String)]

  init(of stage: NVIDIAStage, keys: [String]) {
    let tokens = NVIDIAStage.Site.allCases.flatMap { stage.requests(at: $0) }
      .compactMap { $0.header("Authorization") }
      .filter { $0.hasPrefix("Bearer ") }.map { String($0.dropFirst(7)) }
    let signatures = stage.requests(at: .cdn).compactMap(\.query)
    spellings =
      keys.flatMap { key in
        [
          ("a key", key), ("a key in base64", Self.base64(key)),
          ("a key in Basic", Self.base64("$oauthtoken:\(key)")),
        ]
      }
      + Set(tokens).map { ("a token", $0) }
      + Set(signatures).map { ("a signed query", $0) }
  }

  /// What of it stands in `bytes`.
  func found(in bytes: some Sequence<UInt8>) -> [String] {
    let data = Data(bytes)
    return spellings.filter { data.range(of: Data($0.text.utf8)) != nil }.map(\.name)
  }

  /// What of it stands in the files below `directory` but those named, and where.
  func found(below directory: String, except known: Set<String>) -> [String] {
    let paths = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    return paths.filter { !known.contains($0) }.flatMap { path in
      found(in: FileManager.default.contents(atPath: "\(directory)/\(path)") ?? Data()).map {
        "\($0) in \(path)"
      }
    }
  }

  private static func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}
