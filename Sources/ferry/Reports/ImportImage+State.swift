import Digests
import Transfers

extension ImportImage.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .new: "new"
    case .identical: "identical"
    case .partsMissing: "lacks"
    case .trusted: "trusted"
    case .replaces: "replaces"
    case .taken: "taken"
    case .included: "included"
    case .extends: "extends"
    case .incomplete: "incomplete"
    case .unknown: "unknown"
    case .refused: "refused"
    }
  }

  /// The digest of other content that the tag points at.
  var present: Digest? {
    switch self {
    case .replaces(let digest), .taken(let digest), .included(let digest), .extends(let digest): digest
    case .new, .identical, .partsMissing, .trusted, .incomplete, .unknown, .refused: nil
    }
  }
}
