import Images
import Transfers

/// The words for what has no tag.
enum UntaggedText {
  /// Which registries do not list it; nil where all do, or nobody asked.
  static func line(unlistedAt hosts: [String]?) -> Wording? {
    guard let hosts, !hosts.isEmpty else { return nil }
    return
      "untagged manifests: cannot be listed at \(Wording.list(hosts)); what belongs to an image is found all the "
      + "same, and any other is to be named by its digest (HOST/REPOSITORY@sha256:…)"
  }
}

/// A listing, for people and for `ferry export -f`.
struct ListText {
  /// What marks an image of that kind.
  static let schema1: Wording = "Docker schema 1"

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
        "\(image.updated ?? "-")", mark(of: image))
    }
    for line in table.lines() { console.result(line) }
  }

  /// What few registries take, or none may.
  private func mark(of image: ListedImage) -> Wording {
    if let type = image.unknownType { return "unknown type \(type.rawValue)" }
    return image.isSchema1 == true ? Self.schema1 : ""
  }
}
