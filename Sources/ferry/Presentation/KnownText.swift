import Digests
import Images
import Layouts

/// The words for content that is left out because the other side has it.
enum KnownText {
  /// One line for each archive or receipt by which that is known.
  static func lines(_ omissions: [Omission], sources: [KnownSource]) -> [String] {
    let names = Dictionary(sources.map { ($0.digest, name(of: $0)) }) { first, _ in first }
    let known = Dictionary(grouping: omissions.filter { $0.reason == .known }) { omission in
      omission.source.flatMap { names[$0] } ?? "another archive"
    }
    return known.sorted { $0.key < $1.key }.map { name, omissions in
      let size = omissions.map(\.descriptor.size).saturatingSum()
      return
        "left out: \(Amounts.count(omissions.count, "blob")), \(Amounts.bytes(size)), which the other side has "
        + "by \(name)"
    }
  }

  /// The archive or receipt, as it can be found again.
  static func name(of source: KnownSource) -> String {
    "\(source.kind.rawValue) \(source.name == "-" ? "standard input" : Printable.text(source.name)) "
      + "(\(source.digest.short))"
  }
}
