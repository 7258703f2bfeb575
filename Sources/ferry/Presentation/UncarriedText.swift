import Digests
import Images
import Transfers

/// The words for signatures, SBOMs and attestations that stay behind.
enum UncarriedText {
  static func line(for referrer: UncarriedReferrer, of image: Reference) -> Wording {
    guard referrer.reason != .notShown else {
      return "not carried: what refers to \(image) and has no tag, for the registry does not list it"
    }
    let kind = referrer.artifactType ?? referrer.mediaType?.rawValue ?? "referrer"
    let what = [kind, referrer.digest?.description].compactMap(\.self).joined(separator: " ")
    return "not carried: \(what) of \(image): \(why(referrer))"
  }

  /// What an index lists and is of a type that says nothing to Ferry. `image` is nil where it has been named.
  static func line(forUnknown child: Descriptor, of image: Wording? = nil) -> Wording {
    let place: Wording = image.map { " of \($0)" } ?? ""
    return "not carried: what \(child.digest)\(place) may list: its type "
      + "'\(child.mediaType.rawValue)' is none that ferry knows, so only its bytes are carried"
  }

  private static func why(_ referrer: UncarriedReferrer) -> Wording {
    let subject = referrer.subject
    return switch referrer.reason {
    case .platform: "it belongs to \(subject), and --platform leaves its index or its subject out"
    case .subject: "it belongs to \(subject), which is not carried"
    case .unknownType:
      "its manifest has the type '\(referrer.mediaType?.rawValue ?? "")', which ferry does not know"
    case .absent: "it is listed for \(subject), and the registry does not have it"
    case .notAManifest(let error): "it is listed for \(subject): \(ErrorText.words(for: error))"
    case .otherSubject: "it is listed for \(subject) and does not refer to it"
    case .unreadable: "it is listed for \(subject) and cannot be read"
    case .notShown: "the registry does not list it"
    }
  }

  /// The reason, in a report.
  static func name(of reason: UncarriedReferrer.Reason) -> String {
    switch reason {
    case .platform: "platform"
    case .subject: "subject"
    case .unknownType: "unknownType"
    case .absent: "absent"
    case .notAManifest: "notAManifest"
    case .otherSubject: "otherSubject"
    case .unreadable: "unreadable"
    case .notShown: "notShown"
    }
  }
}
