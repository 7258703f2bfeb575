import Digests
import Transfers

/// The words for blobs that cannot be had.
extension ErrorText {
  /// The most images that are named.
  private static let mostNamed = 20
  /// The most repositories that are named, each with its reason.
  private static let mostHolders = 5

  /// A blob that no repository gave which lists it, with the reason of each; what to do is the foremost one's.
  init(blob digest: Digest, notHadFrom failures: [HolderFailure]) {
    let foremost = failures.foremost.map { ErrorText(registry: $0.error) }
    let holders = failures.prefix(Self.mostHolders).map { failure in
      "\(failure.repository): \(ErrorText(registry: failure.error).summary)" as Wording
    }
    let more: Wording = failures.count > holders.count ? "; and \(failures.count - holders.count) more" : ""
    self.init(
      "none of \(Amounts.count(failures.count, "repository", plural: "repositories")) gave \(digest): "
        + holders.joined(separator: "; ") + more,
      remedy: foremost?.remedy, foremost?.status ?? .networkFailed)
  }

  /// A blob that cannot be had, with the images that need it.
  init(blob text: ErrorText, of images: [String], total: Int, othersCanGo: Bool) {
    let named = images.prefix(Self.mostNamed).map(Wording.value)
    let more = images.count - named.count
    let names = Self.list(more > 0 ? named + ["\(more) more"] : named)
    // What the cause itself offers is said here, where it is known whether it is to be had.
    let remedy: Wording =
      othersCanGo
      ? "--keep-going carries the others."
      : images.count < total ? "The others can be carried without \(images.count == 1 ? "it" : "them")." : ""
    self.init(
      "\(text.summary)\n\(images.count) of \(Amounts.count(total, "image")) "
        + "\(images.count == 1 ? "needs" : "need") it: \(names)",
      remedy: remedy.isEmpty ? nil : remedy, text.status)
  }
}
