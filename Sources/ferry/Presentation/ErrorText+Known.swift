import Digests
import Images
import Layouts
import Transfers

extension ErrorText {
  /// The words for what goes wrong with content that the other side is said to have.
  init(known error: TransferError) {
    switch error {
    case .knownUnusable(let path, let problems):
      let lines: [Wording] = problems.prefix(20).map { "  \(ProblemText.line(for: $0))" }
      self.init(
        (["\(path), which --skip-known names, is damaged:"] + lines).joined(separator: "\n"),
        remedy: "Name another copy of it, or leave it out: the export then carries everything.",
        .integrityFailure)
    case .contentAbsent(let absent): self.init(absent: absent)
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }

  private init(absent: [AbsentContent]) {
    let size = absent.map(\.descriptor.size).saturatingSum()
    let lines = absent.prefix(20).map { content -> Wording in
      let images = Self.list(Array(content.images.prefix(3)))
      let more = content.images.count > 3 ? " and \(content.images.count - 3) more" : ""
      return "  \(content.descriptor.digest) (\(Amounts.bytes(content.descriptor.size))) of \(images)\(more)"
    }
    let rest: [Wording] = absent.count > 20 ? ["  and \(absent.count - 20) more"] : []
    let sources = Set(absent.compactMap { $0.source.map(KnownText.name) }).sorted()
    let bring: Wording =
      sources.isEmpty
      ? "Bring the archive that holds them and name it beside this one"
      : "They were left out by \(Self.list(sources)): bring the archives with that content and name them beside this one"
    self.init(
      ([
        "\(Amounts.count(absent.count, "blob")), \(Amounts.bytes(size)), were left out of the archive and are not "
          + "at the destination, nor can they be mounted there:"
      ] + lines + rest).joined(separator: "\n"),
      remedy: "\(bring) (ferry import NEW OLD --to …), or export again without --skip-known.", .notFound)
  }
}
