import Foundation
import TestSupport

/// An archive cut into volumes by `split`, to be carried, lost and mixed up.
struct VolumeSet {
  let directory: TemporaryDirectory
  /// In order.
  let names: [String]

  /// `size` is in bytes.
  init(cutting archive: String, size: Int) throws {
    directory = TemporaryDirectory()
    try Command.run(
      "split", ["-b", "\(size)", "-a", "3", "--numeric-suffixes=1", archive, "\(directory.path)/set.tar."])
    names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  func path(_ index: Int) -> String { "\(directory.path)/\(names[index])" }

  func bytes(_ index: Int) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(index))))
  }

  func write(_ bytes: [UInt8], to index: Int) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(index)))
  }

  enum Harm: String, CaseIterable {
    case dropped, truncated, damaged, swapped
  }

  /// Does harm to a volume, or to it and the next one, and undoes it after `body`.
  func harming(_ index: Int, _ harm: Harm, _ body: () throws -> Void) throws {
    let next = index + 1 < names.count ? index + 1 : index - 1
    let (own, other) = (try bytes(index), try bytes(next))
    switch harm {
    case .dropped: try FileManager.default.removeItem(atPath: path(index))
    case .truncated: try write(Array(own.dropLast(own.count / 3 + 1)), to: index)
    case .damaged:
      var wrong = own
      wrong[wrong.count / 2] ^= 0x10
      try write(wrong, to: index)
    case .swapped:
      try write(other, to: index)
      try write(own, to: next)
    }
    try body()
    try write(own, to: index)
    try write(other, to: next)
  }
}
