import Digests
import Images
import Layouts
import Registry
import Transfers

/// The words for content that is left out of an archive on purpose, each by its digest with the images that list it.
enum OmissionText {
  /// The most that are named.
  private static let most = 20

  /// What an archive leaves out: in sum what the other side has, then one by one. `images` list it, by digest.
  static func lines(
    _ omissions: [Omission], of images: [Digest: CountedImages], sources: [KnownSource], isLong: Bool = false
  ) -> [Wording] {
    KnownText.lines(omissions, sources: sources) + each(omissions, isLong: isLong) { _ in images }
  }

  /// What an archive leaves out, one by one. `images` tells by which images those are listed that are named, by digest: of
  /// hundreds of thousands few are.
  static func each(
    _ omissions: [Omission], isLong: Bool = false, of images: ([Omission]) -> [Digest: CountedImages]
  ) -> [Wording] {
    // What is known of is summed up elsewhere.
    let count = isLong ? omissions.count : most
    let others = Array(omissions.lazy.filter { $0.reason != .known }.prefix(count))
    let named = others + omissions.lazy.filter { $0.reason == .known }.prefix(count - others.count)
    let images = images(named)
    let lines = named.map { omission -> Wording in
      "\(beginning(of: omission)) \(omission.descriptor.digest), "
        + Amounts.bytes(omission.descriptor.size) + of(images[omission.descriptor.digest])
    }
    return lines + more(omissions.count - named.count)
  }

  /// What an import found of it at the destination.
  static func lines(_ content: [OmittedContent]) -> [Wording] {
    let order = content.filter { !$0.isThere } + content.filter(\.isThere)
    return order.prefix(most).map { content -> Wording in
      var images = CountedImages()
      for name in content.images { images.add(name) }
      let what: Wording = "\(words(for: content.reason)) \(content.descriptor.digest)\(of(images))"
      return content.isThere
        ? "left out of the archive and there already: \(what), in \(content.repository)"
        : "not at the destination: \(what), left out of the archive"
          + (content.reason == .foreign ? "; whoever pulls it needs its urls" : "")
    } + more(content.count - most)
  }

  /// What another tool left out says for which platform it is.
  private static func beginning(of omission: Omission) -> Wording {
    guard omission.reason == .absent else { return "left out (\(omission.reason.rawValue)):" }
    guard let platform = omission.platform else { return "not here:" }
    return platform.isUnknown ? "not here: attestation" : "not here: \(platform)"
  }

  private static func more(_ count: Int) -> [Wording] {
    count > 0 ? ["and \(count) more left out; --json lists them"] : []
  }

  private static func of(_ images: CountedImages?) -> Wording {
    guard let images, let first = images.first else { return "" }
    return ", of \(first)" + (images.count > 1 ? " and \(images.count - 1) more" : "")
  }

  private static func words(for reason: Omission.Reason) -> Wording {
    switch reason {
    case .foreign: "foreign layer"
    case .platform: "manifest for another platform"
    case .known: "content"
    case .absent: "manifest"
    }
  }
}

/// The words for signatures, SBOMs and attestations that stay behind.
enum UncarriedText {
  static func line(for referrer: UncarriedReferrer, of image: String) -> Wording {
    guard referrer.reason != .notShown else {
      return "not carried: what refers to \(image) and has no tag, for the registry does not list it"
    }
    let kind = referrer.kind.map(kind) ?? referrer.mediaType?.rawValue ?? "referrer"
    let what = [kind, referrer.digest?.description].compactMap(\.self).joined(separator: " ")
    return "not carried: \(what) of \(image): \(why(referrer))"
  }

  /// What it is, as far as that is known: in a report, what stands for its type.
  static func kind(_ kind: UncarriedReferrer.Kind) -> String {
    switch kind {
    case .stated(let type): type
    case .cosignSignature: "cosign signature"
    case .cosignAttestation: "cosign attestation"
    case .cosignSBOM: "cosign SBOM"
    case .attestation: "attestation"
    case .tag(let tag): "the tag \(tag)"
    case .entry(.notAnObject): "an entry that is no object"
    case .entry(.withoutDigest): "an entry without digest"
    case .entry(.named(let name)): "the entry '\(name)'"
    }
  }

  /// A manifest of a type that says nothing to Ferry. `image` is nil where it has been named.
  static func line(forUnknown manifest: UnknownManifest, of image: Wording? = nil) -> Wording {
    let place: Wording = image.map { " of \($0)" } ?? ""
    let type: Wording = "its type '\(manifest.descriptor.mediaType.rawValue)' is none that ferry knows"
    let digest = manifest.descriptor.digest
    let carried = Amounts.count(manifest.carried, "part")
    if manifest.isWhole {
      return "carried as it is: \(digest)\(place), with \(carried) that it names: \(type)"
    }
    guard manifest.carried > 0 || !manifest.notFound.isEmpty else {
      return "not carried: what \(digest)\(place) may list: \(type), so only its bytes are carried"
    }
    let lost = manifest.notFound.prefix(3).map { "\($0)" as Wording }
    let more = manifest.notFound.count - lost.count
    let left =
      lost.isEmpty
      ? "what else it may list"
      : Wording.list(more > 0 ? lost + ["\(more) more"] : lost) + ", which the registry does not have"
    return "not carried: of what \(digest)\(place) refers to, \(left): \(type); it is carried with \(carried)"
  }

  private static func why(_ referrer: UncarriedReferrer) -> Wording {
    let subject = referrer.subject
    return switch referrer.reason {
    case .platform: "it belongs to \(subject), and --platform leaves its index or its subject out"
    case .replaced: "it belongs to \(subject), in whose place one platform is pushed"
    case .converted: "it belongs to \(subject), which is converted and has another digest then"
    case .subject: "it belongs to \(subject), which is not carried"
    case .unknownType:
      "its manifest has the type '\(referrer.mediaType?.rawValue ?? "")', which ferry does not know"
    case .absent: "it is listed for \(subject), and the registry does not have it"
    case .notAManifest(let error): "it is listed for \(subject): \(error.words)"
    case .otherSubject: "it is listed for \(subject) and does not refer to it"
    case .unreadable: "it is listed for \(subject) and cannot be read"
    case .notShown: "the registry does not list it"
    }
  }

  /// The reason, in a report.
  static func name(of reason: UncarriedReferrer.Reason) -> String {
    switch reason {
    case .platform: "platform"
    case .replaced: "replaced"
    case .converted: "converted"
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

/// The words for an image that an archive was to hold and does not.
enum MissingImageText {
  static func line(for lack: MissingImage) -> Wording {
    "lacks \(lack.image.cut(to: 500)): \(words(for: lack.reason))"
  }

  private static func words(for reason: MissingImage.Reason) -> Wording {
    switch reason {
    case .notFound: "its registry did not have it"
    case .denied: "its registry would not give it"
    case .network: "its registry could not be reached, or broke off"
    case .integrity: "its registry gave wrong bytes"
    case .other: "it could not be carried"
    }
  }
}
