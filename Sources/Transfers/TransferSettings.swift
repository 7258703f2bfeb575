/// How a transfer works, whatever it transfers.
public struct TransferSettings: Sendable {
  /// How many transfers run at once.
  public var jobs: Int
  /// One image's failure does not stop the others.
  public var keepGoing: Bool
  public var observer: any TransferObserver

  public init(jobs: Int = 4, keepGoing: Bool = false, observer: any TransferObserver) {
    self.jobs = jobs
    self.keepGoing = keepGoing
    self.observer = observer
  }
}
