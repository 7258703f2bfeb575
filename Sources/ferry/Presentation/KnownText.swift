import Digests
import Images
import Layouts
import Transfers

/// The words for content that is left out because the other side has it.
enum KnownText {
  /// One line for each archive or receipt by which that is known.
  static func lines(_ omissions: [Omission], sources: [KnownSource]) -> [Wording] {
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

  /// What the export says of how it is known: a warning for each that nothing vouches for, and what the archive is
  /// worth without them all.
  static func worth(of prepared: PreparedExport) -> [Wording] {
    let omissions = prepared.knownOmissions
    guard !omissions.isEmpty else { return [] }
    let used = Set(omissions.compactMap(\.source))
    var told: Set<Digest> = []
    let sources = prepared.archives.flatMap(\.plan.knownSources).filter {
      used.contains($0.digest) && told.insert($0.digest).inserted
    }
    let warnings = sources.filter { prepared.knownProofs[$0.digest] == .claimed }.map { source -> Wording in
      let count = omissions.count { $0.source == source.digest }
      return "warning: \(name(of: source)) is not proved: \(Amounts.count(count, "blob")) "
        + "\(count == 1 ? "is" : "are") left out on its word alone, and if it is wrong nobody has "
        + "\(count == 1 ? "it" : "them") (--known-public-key demands that it is signed)"
    }
    let (whole, all) = prepared.archives.map { prepared.imagesWholeAlone(in: $0) }.reduce((0, 0)) {
      ($0.0 + $1.whole, $0.1 + $1.of)
    }
    let names = sources.map(name).joined(separator: ", ")
    return warnings + [
      "without what \(names) \(sources.count == 1 ? "holds" : "hold"), \(whole) of "
        + "\(Amounts.count(all, "image")) can be imported: keep that until they have arrived"
    ]
  }

  /// The archive or receipt, as it can be found again.
  static func name(of source: KnownSource) -> Wording {
    "\(source.kind.rawValue) \(source.name == "-" ? "standard input" : source.name) "
      + "(\(source.digest.short))"
  }

  /// Content that was left out as known, and is not at the destination.
  static func text(for absent: [MissingContent]) -> ErrorText {
    let size = absent.map(\.descriptor.size).saturatingSum()
    let lines = absent.prefix(20).map { content -> Wording in
      let images = Wording.list(Array(content.images.prefix(3)))
      let more = content.images.count > 3 ? " and \(content.images.count - 3) more" : ""
      return "  \(content.descriptor.digest) (\(Amounts.bytes(content.descriptor.size))) of \(images)\(more)"
    }
    let rest: [Wording] = absent.count > 20 ? ["  and \(absent.count - 20) more"] : []
    let sources = Set(absent.compactMap { $0.source.map(name) }).sorted()
    let bring: Wording =
      sources.isEmpty
      ? "Bring the archive that holds them and name it beside this one"
      : "They were left out by \(Wording.list(sources)): bring the archives with that content and name them beside this one"
    return ErrorText(
      ([
        "\(Amounts.count(absent.count, "blob")), \(Amounts.bytes(size)), were left out of the archive and are not "
          + "at the destination, nor can they be mounted there:"
      ] + lines + rest).joined(separator: "\n"),
      remedy: "\(bring) (ferry import NEW OLD --to …), or export again without --skip-known.", .notFound)
  }
}
