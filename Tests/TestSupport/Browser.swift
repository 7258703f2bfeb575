import Foundation

/// Debian's Chromium without a window, with a profile of its own that goes with the value.
public struct Browser: Sendable {
  private let profile = TemporaryDirectory()

  public init() {}

  /// The document that the browser made of the page at `path`, scripts run where any may, written as HTML.
  public func document(of path: String) throws -> String {
    let result = try run(["--dump-dom"], path)
    guard result.contains("<html") else { throw TestFailure("chromium shows nothing of \(path)") }
    return result
  }

  /// The page as it looks, `width` pixels wide: a PNG's bytes.
  public func picture(of path: String, width: Int = 1200) throws -> [UInt8] {
    let file = profile.file("page.png")
    _ = try run(["--screenshot=\(file)", "--window-size=\(width),2000"], path)
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
  }

  private func run(_ arguments: [String], _ path: String) throws -> String {
    // The sandbox needs rights that tests in a container do not have; the pages are ours.
    let flags = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--disable-background-networking", "--user-data-dir=\(profile.path)",
    ]
    var command = Command(
      "chromium", flags + arguments + ["file://\(path)"], environment: ["HOME": profile.path])
    command.directory = profile.path
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("chromium: \(result.standardError)") }
    return result.standardOutput
  }
}
