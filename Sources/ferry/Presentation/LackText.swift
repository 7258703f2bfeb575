import Layouts

/// The words for an image that an archive was to hold and does not.
enum LackText {
  static func line(for lack: Lack) -> Wording {
    "lacks \(lack.image.prefix(500)): \(words(for: lack.reason))"
  }

  private static func words(for reason: Lack.Reason) -> Wording {
    switch reason {
    case .notFound: "its registry did not have it"
    case .denied: "its registry would not give it"
    case .network: "its registry could not be reached, or broke off"
    case .integrity: "its registry gave wrong bytes"
    case .other: "it could not be had"
    }
  }
}
