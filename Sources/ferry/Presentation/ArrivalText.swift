import Digests
import Images
import Transfers

/// Whether an archive's images have arrived, for people.
struct ArrivalText {
  private let console: Console

  init(_ console: Console) {
    self.console = console
  }

  func show(_ arrivals: [Arrival], of archive: VerifiedArchive) {
    let path = archive.path
    for arrival in arrivals { console.result("  \(Self.line(for: arrival))") }
    let count = arrivals.count(where: \.hasArrived)
    console.result(
      count == arrivals.count
        ? "\(path)  arrived  all of \(Amounts.images(count - archive.referrers.count, archive.referrers.count))"
        : "\(path)  NOT ARRIVED  \(arrivals.count - count) of \(arrivals.count)")
  }

  /// What there is to say of one image, behind its state.
  static func line(for arrival: Arrival) -> Wording {
    "\(arrival.state.name)  \(arrival.image)" + detail(of: arrival)
  }

  private static func detail(of arrival: Arrival) -> Wording {
    switch arrival.state {
    case .arrived(let places): " → " + ErrorText.list(places.map(\.target.description))
    case .incomplete(let place, let missing):
      " → \(place.target), without \(Amounts.count(missing, "blob")) that the archive has"
    case .differs(let places):
      ": \(ErrorText.list(places.map { "\($0.target) holds \($0.digest)" as Wording })), not \(arrival.root.digest)"
    case .missing: ": no receipt names it"
    }
  }
}
