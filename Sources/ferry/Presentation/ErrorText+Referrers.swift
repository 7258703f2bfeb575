import Images
import Transfers

extension ErrorText {
  /// The words for what goes wrong with signatures, SBOMs and attestations.
  init(referrers error: TransferError) {
    switch error {
    case .referrersNotHad(let image, let cause):
      let text = ErrorText(cause)
      self.init(
        "what refers to \(image) (signatures, SBOMs, attestations) cannot be had: \(text.summary)",
        remedy: ([text.remedy].compactMap(\.self) + ["--no-referrers carries the images alone."])
          .joined(separator: "\n"),
        text.status)
    case .tooManyReferrers(let most, let deepest):
      self.init(
        "there are more than \(most) of them, or chains of them longer than \(deepest)", .integrityFailure)
    case .subjectFailed(let subject):
      self.init("it refers to \(subject), which did not arrive", .networkFailed)
    case .notAReferrersList(let target, let cause):
      self.init(
        "\(target), where the referrers of a manifest are listed, holds something else: \(Self.words(for: cause))",
        remedy: "Remove that tag at the destination, or leave the referrers with --no-referrers.",
        .destinationConflict)
    case .listContended(let target):
      self.init(
        "others change the list of referrers at \(target) all the time",
        remedy: "Run the same command again: what is there already is left as it is.", .destinationConflict)
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }
}
