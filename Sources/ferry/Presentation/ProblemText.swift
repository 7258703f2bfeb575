import Tar
import Digests
import Images
import Layouts
import Transfers

/// The words for what is wrong with an archive, one line each.
enum ProblemText {
  /// The problem with the volumes it lies in.
  static func line(for finding: VerifiedArchive.Finding) -> Wording {
    let text = line(for: finding.problem)
    let names = finding.volumes.map(\.path).filter { !text.contains($0) }
    guard let first = names.first, let last = names.last else { return text }
    let place =
      names.count <= 6
      ? Wording.list(names) : "\(Amounts.count(names.count, "volume")) from \(first) to \(last)"
    return "\(text), in \(place)"
  }

  /// Without blobs that are not there because their volumes are not: a volume says more than each blob in it.
  static func salient(among findings: FindingList) -> some Collection<VerifiedArchive.Finding> {
    func isTold(_ finding: VerifiedArchive.Finding) -> Bool {
      guard case .missing = finding.problem else { return true }
      return finding.volumes.allSatisfy { $0.state == .present }
    }
    let tellsAll =
      !findings.areOfVolumes || findings.allSatisfy { $0.volumes.isEmpty }
      || !findings.contains(where: isTold)
    return findings.lazy.filter { tellsAll || isTold($0) }
  }

  /// What an archive lists beside images.
  static func line(for other: Descriptor) -> Wording {
    line(for: .notAnImage(other.digest, other.mediaType))
  }

  /// Whether the archive was made like that: its digests are right, or nothing that happens on a way does it, so that
  /// another copy of it is no better.
  static func isOfItsMaking(_ problem: LayoutProblem) -> Bool {
    switch problem {
    case .notAManifest, .notAConfig, .configDisagrees, .contentDiffers, .cannotUnpack,
      .unfitOmission,
      .notAnImage, .ambiguousName, .beneath, .contradiction, .notAFile, .strayLink, .unsafePath,
      .duplicate,
      .disagreement("manifest.json"):
      true
    case .unreadableImage(_, .wrongContent): false
    case .unreadableImage: true
    default: false
    }
  }

  /// What helps against `problems`: `usual`, unless the archive was made like that.
  static func remedy(for problems: some Collection<LayoutProblem>, or usual: Wording) -> Wording {
    if problems.contains(where: { if case .strayLink = $0 { true } else { false } }) {
      return "Pack it again with what its links lead to: tar -h, or cp -L."
    }
    if problems.contains(.duplicate(path: "index.json")) {
      return
        "It has two lists: two archives were joined to one, or a file was packed twice. Have each archive by itself."
    }
    if !problems.isEmpty, problems.allSatisfy(isOfItsMaking) {
      return haveItMadeAnew
    }
    // Neither wrong nor cut.
    let isMissing = { (problem: LayoutProblem) in if case .missing = problem { true } else { false } }
    guard !problems.isEmpty, problems.allSatisfy({ isOfItsMaking($0) || isMissing($0) }) else { return usual }
    return
      "What is there is right; what is missing was not written, or was taken out: have the images exported or saved once more. "
      + "Of a directory, see first that it was copied to its end."
  }

  /// What to do about an archive that was made as it is.
  static let haveItMadeAnew: Wording =
    "It was made like that, and another copy is no better: export it once more, or have it built anew."

  /// Whether nothing is wrong but that volumes, or parts of them, are not here.
  static func isIncomplete(_ problems: some Collection<LayoutProblem>, volumes: [Volume]) -> Bool {
    !volumes.isEmpty && !problems.isEmpty && problems.allSatisfy(\.isAbsence)
  }

  /// What to do about volumes that are not there, or not what they should be.
  static func bringVolumes(for findings: FindingList) -> Wording {
    findings.areOfFerrysVolumes
      ? "Bring the right volumes, or write them again: ferry export … --only-volume N."
      : "Bring the right volumes, or have the archive made and cut once more: another tool than ferry wrote it."
  }

  /// The first twenty of an archive's findings, each with the images that it hurts.
  static func lines(for findings: FindingList) -> [Wording] {
    let shown = salient(among: findings)
    var lines: [Wording] = []
    for finding in shown.prefix(20) {
      lines.append("  \(line(for: finding))")
      let hurt = finding.images(most: .max).names
      if !hurt.isEmpty { lines.append("    hurts \(Wording.list(Wording.few(hurt)))") }
    }
    let rest = shown.count - min(20, shown.count)
    if rest > 0 { lines.append("  and \(rest) more") }
    return lines
  }

  static func line(for problem: LayoutProblem) -> Wording {
    switch problem {
    case .volumeMissing(let path): "missing: volume \(path)"
    case .volumeOfWrongSize(let path, let expected, let actual):
      "\(actual < expected ? "short" : "too long"): volume \(path) has \(actual) bytes instead of \(expected)"
    case .foreignVolume(let path, let holds):
      "wrong: volume \(path) "
        + (holds.map { "holds what belongs into volume \($0)" } ?? "is not what belongs there")
    case .surplusVolume(let path): "surplus: volume \(path) stands behind the archive's end"
    case .missing(let descriptor):
      "missing: \(descriptor.digest) (\(kind(of: descriptor)), \(Amounts.bytes(descriptor.size)))"
    case .wrongSize(let digest, let expected, let actual):
      "damaged: \(digest) has \(actual) bytes instead of \(expected)"
    case .damaged(let digest, let actual): "damaged: \(digest) hashes to \(actual)"
    case .notAManifest(let digest, let error): "\(digest): \(error.words)"
    case .unreadableImage(_, let error): why(error)
    case .notAConfig(let digest, let error): "config \(digest): \(error.words(of: "config"))"
    case .unfitOmission(let omission, let fault):
      "damaged: \(omission.descriptor.digest) is said to be left out as \(omission.reason.rawValue), "
        + words(for: fault)
    case .notAnImage(let digest, let type):
      "\(digest) is listed as an image and is a '\(type.rawValue)'"
    case .unreferenced(let digest, let size):
      "unreferenced: \(digest) (\(Amounts.bytes(size))) belongs to no image"
    case .contentDiffers(let layer, let expected, let actual):
      "layer \(layer) unpacks to \(actual); its config says \(expected)"
    case .cannotUnpack(let layer):
      "layer \(layer) cannot be decompressed"
    case .configDisagrees(let config): "config \(config) does not speak of the layers its manifest lists"
    case .missingFile(let path): "missing: \(path)"
    case .damagedFile(let path, let expected, let actual):
      "damaged: \(path) hashes to \(actual) instead of \(expected)"
    case .malformedFile(let path, let why): "damaged: \(path): \(why.words)"
    case .disagreement(let path): "damaged: \(path) does not agree with index.json"
    case .ambiguousName(let name):
      "two images are called \(name): readers take the one or the other"
    case .unannounced(let path): "surplus: \(path) is there and index.json does not know of it"
    case .surplus(let path): "surplus: \(path) belongs to nothing"
    case .duplicate(let path): "surplus: \(path) is there twice"
    case .beneath(let path, let parent):
      "\(path) lies below \(parent), which is no directory"
    case .contradiction(let path, .names(let other)):
      "\(path) is \(other) to other readers: its headers give it two names"
    case .contradiction(let path, .sizes): "the headers of \(path) give it two sizes"
    case .contradiction(let path, .headers):
      "the headers of \(path) can be read in more than one way"
    case .contradiction(let path, .sparse): "\(path) is a sparse file, which not all can read"
    case .notAFile(let path): "\(path) is not a plain file"
    case .strayLink(let path, let target):
      "\(path) is a link to \(Wording.value(target.cut(to: 200))), which is not in the archive"
    case .unsafePath(let path): "'\(path.cut(to: 200))' is no path for an archive"
    case .notCanonical(let path, let part): "damaged: the \(words(for: part)) of \(path) was changed"
    case .rearranged(let path, let offset): "\(path) stands at byte \(offset), where another entry belongs"
    case .truncated(let path, let offset): "truncated: the archive ends at byte \(offset), in \(path)"
    case .damagedHeader(let offset): "damaged: from byte \(offset) on the archive cannot be read"
    case .noEndMarker: "truncated: the end marker is missing"
    case .trailingBytes(let offset): "surplus: the archive goes on after its end at byte \(offset)"
    }
  }

  /// What keeps an image from being read that a list names.
  private static func why(_ error: LayoutError) -> Wording {
    switch error {
    case .malformed(_, let entry, let why): "\(entry): \(why.words)"
    case .missingFile(_, let entry): "missing: \(entry)"
    case .unlistedName(_, let name):
      "\(name) stands in docker's file repositories alone, and leads to no image of manifest.json"
    case .layerLeftOut(_, let image, let layer): "\(image) has no layer \(layer) in it"
    default: error.text.summary
    }
  }

  private static func kind(of descriptor: Descriptor) -> Wording {
    switch descriptor.mediaType {
    case let type where type.isIndex: "index"
    case let type where type.isManifest: "manifest"
    case let type where type.isImageConfig: "config"
    case let type where type.isLayer: "layer"
    default: "blob"
    }
  }

  private static func words(for fault: OmissionFault) -> Wording {
    switch fault {
    case .notForeign(let type): "and is a '\(type)', which is carried"
    case .notAnotherPlatform: "and no index lists it for another platform"
    case .nothingLeft: "and nothing else that its index lists is here"
    case .notABlob: "and is a manifest, which is carried"
    case .unknownSource: "and what knows of it is not named"
    case .otherType(let type): "and is a '\(type)' to what lists it"
    }
  }

  private static func words(for part: ArchivePart) -> Wording {
    switch part {
    case .header: "tar header"
    case .content: "content"
    case .padding: "padding"
    case .endMarker: "end marker"
    }
  }
}

extension WayAround? {
  /// How to take what is whole.
  var words: Wording {
    switch self {
    case .allowMissing: "\n--allow-missing takes the images that are whole."
    case .keepGoing: "\n--keep-going takes the images that are whole."
    case .platform(let platform): "\n--platform \(platform) takes that one, of which all is here."
    case nil: ""
    }
  }
}

/// The number in a volume's name.
enum VolumeNumber {
  static func of(_ path: String) -> Int? { path.split(separator: ".").last.flatMap { Int($0) } }
}
