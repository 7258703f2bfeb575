import Layouts
import Transfers

/// The words for directories that hold archives, and other things.
struct TreeText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  /// What was passed over for good reason; nothing where that is nothing.
  func say(_ passedOver: PassedOver) {
    if !passedOver.isEmpty { console.say(Self.line(for: passedOver)) }
  }

  /// How many of all archives are whole, where some came out of `directories`.
  func sum(up verified: [VerifiedArchive], _ failures: [ImageFailure], of directories: [String]) {
    guard !directories.isEmpty else { return }
    let count = verified.count + failures.count
    let whole = verified.count(where: \.isWhole)
    let place: Wording =
      directories.count <= 3 ? Wording.list(directories) : "\(directories.count) directories"
    console.result(
      whole == count
        ? "\(place)  \(count == 1 ? "the one archive is" : "all \(count) archives are") whole"
        : "\(place)  \(count - whole) of \(Amounts.count(count, "archive")) NOT WHOLE")
  }

  /// What becomes of the signatures in skopeo's `dir:`; nil where there are none.
  static func line(forSignatures count: Int) -> Wording? {
    count == 0
      ? nil
      : "\(Amounts.count(count, "signature")) of skopeo's \(count == 1 ? "is" : "are") not carried: registries have no place for such"
  }

  static func line(for passedOver: PassedOver) -> Wording {
    var parts: [Wording] = []
    if passedOver.files > 0 {
      parts.append(
        "\(Amounts.count(passedOver.files, "other file")) \(passedOver.files == 1 ? "is no archive" : "are no archives")"
      )
    }
    if passedOver.links > 0 {
      parts.append(
        passedOver.links == 1
          ? "1 link leads nowhere" : "\(passedOver.links) links lead nowhere")
    }
    return parts.joined(separator: "; ")
  }

  /// Why each of the first archives is not read, and what to do, as where it is named itself.
  static func lines(for unread: [UnreadArchive]) -> [Wording] {
    let shown = unread.prefix(10).flatMap { archive -> [Wording] in
      let text = archive.error.text
      return ["  \(text.summary)"] + (text.remedy.map { ["    \($0)"] } ?? [])
    }
    return shown + (unread.count > 10 ? ["  and \(unread.count - 10) more"] : [])
  }

  /// Of archives that were not looked into which and why, for a report; nil where there are none.
  static func summaries(of unread: [UnreadArchive]) -> [Wording]? {
    unread.isEmpty ? nil : unread.map { $0.error.text.summary }
  }
}
