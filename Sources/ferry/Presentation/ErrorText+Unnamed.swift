import Digests
import Transfers

extension ErrorText {
  /// Images without a whole name, and exactly what names them.
  init(unnamed images: [UnnamedImage], in archive: String) {
    let tags = images.compactMap(\.tag)
    if tags.count == images.count, Set(tags).count == tags.count {
      let what: Wording =
        tags.count == 1
        ? "its image only '\(tags[0])', which is a tag" : "its images only \(Self.list(tags)), which are tags"
      self.init(
        "\(archive) calls \(what) without a repository",
        remedy: "Give the repository below --to: --as REPOSITORY, as in --as team/app", .usage)
    } else if images.count == 1 {
      let what = images[0].name.isEmpty ? "" : "; '\(images[0].name.prefix(200))' is none"
      self.init(
        "\(archive) gives no name to its image \(images[0].digest)\(what)",
        remedy: "Give it one below --to: --as REPOSITORY:TAG, as in --as team/app:1.0", .usage)
    } else {
      let lines: [Wording] = images.prefix(20).map {
        "  \($0.digest)" + ($0.name.isEmpty ? "" : "  \($0.name.prefix(200))")
      }
      let more: [Wording] = images.count > 20 ? ["  and \(images.count - 20) more"] : []
      self.init(
        (["\(archive) gives no names to \(images.count) images:"] + lines + more).joined(separator: "\n"),
        remedy: "Import each by itself: --image \(images[0].digest) --as REPOSITORY:TAG", .usage)
    }
  }
}
