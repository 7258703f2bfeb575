import Foundation
import TestSupport
import Testing

/// A Swift file of `Sources`.
struct SourceFile: Sendable, CustomTestStringConvertible {
  /// Below the package's root.
  let path: String
  let lines: [Substring]

  var testDescription: String { path }

  /// The target it belongs to.
  var module: String { String(path.split(separator: "/")[1]) }

  /// The modules it imports, each with the whole line.
  var imports: [(module: String, line: Substring)] {
    // Indented lines are texts that span lines.
    lines.filter { $0.contains("import ") && !$0.hasPrefix(" ") }.compactMap { line in
      line.wholeMatch(
        of: /(?:@\w+ )?(?:(?:public|package|internal|fileprivate|private) )?import (?:\w+ )?(\w+).*/
      )
      .map { (String($0.1), line) }
    }
  }

  /// Its lines that are not comments, numbered from 1.
  var code: [(number: Int, text: Substring)] {
    lines.enumerated().map { ($0 + 1, $1) }.filter { !$1.drop { $0 == " " }.hasPrefix("//") }
  }

  /// All files, sorted.
  static let all: [SourceFile] = paths.filter { $0.hasSuffix(".swift") }.map { path in
    let text = (try? String(contentsOfFile: "\(PackageDirectory.path)/\(path)", encoding: .utf8)) ?? ""
    return SourceFile(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
  }

  /// Every file and directory below `Sources`.
  static let paths: [String] = {
    let entries = FileManager.default.enumerator(atPath: "\(PackageDirectory.path)/Sources")
    return (entries?.compactMap { ($0 as? String).map { "Sources/\($0)" } } ?? []).sorted()
  }()
}
