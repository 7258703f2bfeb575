/// What an export did.
public struct ExportResult: Sendable {
  public let prepared: PreparedExport
  /// Images that failed, whether at resolving or at moving.
  public let failures: [ImageFailure]
  /// Paths of the archives that are whole now, in order; nil stands for standard output.
  public let finished: [String?]
}
