import Foundation

/// A page of Ferry's documentation: of the catalogue in `Sources/ferry/ferry.docc`, or at the top of the package.
public struct ManualPage: Sendable, CustomStringConvertible {
  /// Below the package's root.
  public let path: String
  public let lines: [String]

  public var description: String { path }

  /// Where the catalogue is, below the package's root.
  public static let catalogue = "Sources/ferry/ferry.docc"

  /// All pages of the catalogue, sorted, then the README and the page for contributors.
  public static let all: [ManualPage] = {
    let names = try? FileManager.default.contentsOfDirectory(
      atPath: "\(PackageDirectory.path)/\(catalogue)")
    let pages = (names ?? []).filter { $0.hasSuffix(".md") }.sorted().map { "\(catalogue)/\($0)" }
    return (pages + ["README.md", "CONTRIBUTING.md"]).map(ManualPage.init)
  }()

  /// The page of that name in the catalogue, without `.md`, or the README.
  public static func named(_ name: String) -> ManualPage {
    ManualPage(path: name == "README" ? "README.md" : "\(catalogue)/\(name).md")
  }

  init(path: String) {
    self.path = path
    let text = try? String(contentsOfFile: "\(PackageDirectory.path)/\(path)", encoding: .utf8)
    lines = (text ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// Its lines with their numbers from 1, each with whether it is code, indented by four blanks or in a fence.
  private var marked: [(number: Int, text: String, isCode: Bool)] {
    var isFenced = false
    return lines.enumerated().map { index, line in
      if line.hasPrefix("```") {
        isFenced.toggle()
        return (index + 1, line, true)
      }
      return (index + 1, line, isFenced || line.hasPrefix("    "))
    }
  }

  /// The lines of its code, without the indentation.
  public var code: [(number: Int, text: String)] {
    marked.filter { $0.isCode && !$0.text.hasPrefix("```") }.map {
      ($0.number, $0.text.hasPrefix("    ") ? String($0.text.dropFirst(4)) : $0.text)
    }
  }

  /// The lines of code that begin with `ferry`, as they are typed.
  public var ferryLines: [(number: Int, text: String)] {
    code.map { ($0.number, $0.text.hasPrefix("$ ") ? String($0.text.dropFirst(2)) : $0.text) }
      .filter { $0.text.contains(#/(?:^|\| )ferry /#) }
  }

  /// What links to its headings end with, as forges make them: lower case, without punctuation, blanks as hyphens.
  public var anchors: Set<String> {
    Set(
      marked.filter { !$0.isCode && $0.text.hasPrefix("#") }.map { line in
        let heading = line.text.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
        return String(heading.filter { $0.isLetter || $0.isNumber || " -_".contains($0) })
          .replacingOccurrences(of: " ", with: "-")
      })
  }

  /// The targets of its links that are not addresses.
  public var links: [(number: Int, target: String)] {
    marked.filter { !$0.isCode }.flatMap { line in
      line.text.replacing(/`[^`]*`/, with: "").matches(of: /\]\(([^)\s]+)\)/).map {
        (line.number, String($0.1))
      }
    }.filter { !$0.target.contains("://") }
  }

  /// The rows of every table below the heading `heading`, up to the next one: the cells of each. All tables without one.
  public func rows(below heading: String? = nil) -> [[String]] {
    let section = marked.drop { heading != nil && $0.text != heading }.dropFirst(heading == nil ? 0 : 1)
      .prefix { heading == nil || $0.isCode || !$0.text.hasPrefix("#") }
    return section.filter { !$0.isCode && $0.text.hasPrefix("|") && !$0.text.hasPrefix("|---") }.map {
      $0.text.replacing("\\|", with: "\u{1}").dropFirst().dropLast()
        .split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces).replacing("\u{1}", with: "|") }
    }
  }
}
