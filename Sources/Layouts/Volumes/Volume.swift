/// One volume of an archive that was cut, as it was found.
public struct Volume: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case present
    case missing
    /// It has another size than it should.
    case wrongSize(actual: Int64)
    /// It holds something else: what another volume should, where that is known.
    case foreign(holds: Int?)
    /// The archive ends before it.
    case surplus
  }

  /// From 1 on.
  public let number: Int
  /// Where it is, or where it was looked for.
  public let path: String
  /// Where it begins in the archive, in bytes.
  public let offset: Int64
  /// What it should have, in bytes.
  public let size: Int64
  public let state: State

  /// Whether there is a file for it.
  var isThere: Bool {
    switch state {
    case .missing: false
    case .present, .wrongSize, .foreign, .surplus: true
    }
  }

  var range: Range<Int64> { offset..<offset + size }

  /// What is wrong with it as a whole.
  public var problem: LayoutProblem? {
    switch state {
    case .present: nil
    case .missing: .volumeMissing(path: path)
    case .wrongSize(let actual): .volumeOfWrongSize(path: path, expected: size, actual: actual)
    case .foreign(let other): .foreignVolume(path: path, holds: other)
    case .surplus: .surplusVolume(path: path)
    }
  }
}
