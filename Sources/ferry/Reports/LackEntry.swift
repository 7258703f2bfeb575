import Layouts

/// An image that an archive was to hold and does not, in a report.
struct LackEntry: Codable {
  let image: String
  let reason: String

  init(_ lack: Lack) {
    image = lack.image
    reason = lack.reason.rawValue
  }
}
