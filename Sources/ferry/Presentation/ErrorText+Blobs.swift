import Transfers

extension ErrorText {
  /// The most images that are named.
  private static let mostNamed = 20

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
