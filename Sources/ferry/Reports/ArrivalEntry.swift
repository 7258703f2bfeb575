import Digests
import FoundationEssentials
import Images
import Transfers

/// What receipts say of one image of an archive, in a report.
struct ArrivalEntry: Codable {
  /// Where an image was confirmed, and with which digest.
  struct Place: Codable {
    let target: String
    let digest: String
    /// RFC 3339, UTC.
    let confirmedAt: String

    init(_ image: ReceivedImage) {
      target = image.target.description
      digest = image.digest.description
      confirmedAt = image.confirmedAt.formatted(.iso8601)
    }
  }

  let image: String
  let digest: String
  /// `arrived`, `incomplete`, `differs` or `missing`.
  let state: String
  let targets: [Place]
  /// Blobs that the archive has of an incomplete image and the receipt has not.
  let missingBlobs: Int

  init(_ arrival: Arrival) {
    image = arrival.image
    digest = arrival.root.digest.description
    state = arrival.state.name
    targets = arrival.state.places.map(Place.init)
    missingBlobs = if case .incomplete(_, let missing) = arrival.state { missing } else { 0 }
  }
}

extension Arrival.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .arrived: "arrived"
    case .incomplete: "incomplete"
    case .differs: "differs"
    case .missing: "missing"
    }
  }

  /// Where receipts saw an image of that name.
  var places: [ReceivedImage] {
    switch self {
    case .arrived(let places), .differs(let places): places
    case .incomplete(let place, _): [place]
    case .missing: []
    }
  }
}
