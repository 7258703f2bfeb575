import Foundation
import TestSupport

/// Archives that many tests read and none changes, each made once for a run.
enum FixtureArchive {
  /// Every fixture image.
  static func everything() throws -> String { try all.get() }
  /// Small images of every kind: an index of an index, a shared layer, an artifact, an image without layers.
  static func small() throws -> String { try few.get() }

  static let smallImages = [
    "odd/artifact:1", "odd/empty:1", "odd/nested:1", "odd/plain:1", "odd/pretty:1", "odd/twice:1",
  ]

  private static let all = Result {
    try export(FixtureImages.shared().images.map(\.name), to: "everything.tar")
  }
  private static let few = Result { try export(smallImages, to: "small.tar") }

  private static func export(_ names: [String], to name: String) throws -> String {
    let path = try "\(RunDirectory.make("archives"))/\(name)"
    let source = try RegistryProcess.fixtures()
    let arguments = ["export", "--plain-http", "-o", path] + names.map(source.reference)
    let ferry = try FerryProcess()
    let result = try withExtendedLifetime(ferry) { try ferry.command(arguments).run() }
    guard result.status == 0 else { throw TestFailure("ferry export: \(result.standardError)") }
    return path
  }

  /// What the images are called at a destination's namespace `new`, by the default rule.
  static func target(of name: String) -> String {
    "new/" + name.drop { $0 != "/" }.dropFirst()
  }
}
