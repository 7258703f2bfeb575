import Images
import Transfers

/// A listing, for people and for `ferry export -f`.
struct ListText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  /// One reference a line; what `long` adds stands behind a `#`, so that the lines stay a list for export.
  func show(_ images: [ListedImage], long: Bool) {
    guard long else {
      for image in images { console.result("\(image.reference)") }
      return
    }
    var table = Table([.left, .left, .right, .left, .left])
    for image in images {
      table.add(
        "\(image.reference)", "#", image.size.map(Amounts.bytes) ?? "-",
        "\(image.updated ?? "-")", image.isSchema1 == true ? "Docker schema 1" : "")
    }
    for line in table.lines() { console.result(line) }
  }
}
