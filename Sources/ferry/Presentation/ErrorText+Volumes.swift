import Digests
import Layouts
import Transfers

extension ErrorText {
  /// The words for what goes wrong with archives that are cut into volumes.
  init(volumes error: TransferError) {
    switch error {
    case .tooManyVolumes(let path, let count, let limit):
      self.init(
        "\(path) would have \(count) volumes, and \(limit) are the most",
        remedy: "Choose a larger --volume-size.", .usage)
    case .noSuchVolume(let path, let number, let count):
      self.init(
        "\(path) has no volume \(number): with this --volume-size it has \(count)",
        remedy: "Give the images and the --volume-size that the set was made with.", .usage)
    case .cutOtherwise(let path, let begun, let wanted):
      let again =
        begun.map { "--volume-size \($0) goes on with it" } ?? "Without --volume-size it is gone on with"
      self.init(
        "\(path) is the beginning of an archive \(Self.cut(begun)), not \(Self.cut(wanted))",
        remedy: "\(again); --force throws it away; another name with -o keeps it.", .destinationConflict)
    case .unfinishedSet(let path):
      self.init(
        "\(path) is not finished yet", remedy: "The same command without --only-volume finishes it.",
        .destinationConflict)
    case .otherVolumes(let path, let expected, let actual):
      self.init(
        "\(path) has \(actual) bytes and would have \(expected): it is of another set",
        remedy: "Give the images and the --volume-size that the set was made with, or write elsewhere.",
        .destinationConflict)
    case .otherArchive(let path, let expected, let actual):
      self.init(
        "\(path) is of archive \(expected); the images named make \(actual) now",
        remedy: "Tags have moved: name the images by digest as they were, or export all volumes again.",
        .destinationConflict)
    case .incompleteOutput(let path, let missing):
      let numbers = missing.compactMap { VolumeNumber.of($0) }
      self.init(
        "of the volumes of \(path) \(Self.list(Self.few(missing))) \(missing.count == 1 ? "is" : "are") not here",
        remedy:
          "Write them again with \(Self.few(numbers.map { "--only-volume \($0)" }).joined(separator: " ")), "
          + "or all with --force.", .destinationConflict)
    case .expectsOneArchive(let count):
      self.init("--expect speaks of one archive, and \(count) are named", .usage)
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }

  /// What to do about volumes that are not there, or not what they should be.
  static let bringVolumes: Wording =
    "Bring the right volumes, or write them again: ferry export … --only-volume N."

  private static func cut(_ volumeSize: Int64?) -> Wording {
    volumeSize.map { "in volumes of \($0) bytes" } ?? "in one file"
  }

  /// The first of many.
  static func few(_ names: [String]) -> [Wording] {
    names.prefix(10).map(Wording.value) + (names.count > 10 ? ["\(names.count - 10) more"] : [])
  }
}

/// The number in a volume's name.
private enum VolumeNumber {
  static func of(_ path: String) -> Int? { path.split(separator: ".").last.flatMap { Int($0) } }
}
