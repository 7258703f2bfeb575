import Foundation

/// The sources that these tests were built from.
public enum PackageDirectory {
  /// The package's root, without a trailing slash.
  public static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path
}
