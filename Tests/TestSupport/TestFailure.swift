/// What went wrong in the tests' own machinery, and what to do about it.
public struct TestFailure: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
