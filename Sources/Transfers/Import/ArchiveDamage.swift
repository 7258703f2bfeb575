import Digests
import Images
import Layouts

/// What is wrong with an archive of which something is missing or damaged, and which of its images that spares.
struct ArchiveDamage {
  private let layout: Layout

  init(of layout: Layout) {
    self.layout = layout
  }

  /// What is not there of an archive that is cut, or not what it should be, with the images that hurts; nil when
  /// nothing is wrong or the archive is one file.
  func incompleteness(_ way: WayAround?) throws -> TransferError? {
    guard !layout.volumes.isEmpty, !layout.problems.isEmpty else { return nil }
    return .incompleteArchive(archive: layout.path, try findings(), way: way)
  }

  /// By what option the images that are complete can be taken; nil when by none, or there are none. The same
  /// is asked whether it was given or is to be offered.
  func wayAround() throws -> WayAround? {
    let way: WayAround
    if layout.problems.allSatisfy(\.isAbsence) {
      way = .allowMissing
    } else if layout.problems.allSatisfy(\.isOfContent) {
      way = .keepGoing
    } else {
      return nil
    }
    let absences = try absences()
    // What no image is hurt by must not be taken for harmless.
    guard way == .allowMissing || !absences.isEmpty else { return nil }
    return layout.images.contains { absences[$0.root.digest] == nil } ? way : nil
  }

  /// Whether `findings` spare an image.
  func sparesImages(_ findings: [VerifiedArchive.Finding]) -> Bool {
    let hurt = Set(findings.flatMap(\.images))
    return layout.images.contains { !hurt.contains($0.label) }
  }

  /// All that the structure and `readings` show to be wrong.
  func findings(readings: [BlobReading] = []) throws -> [VerifiedArchive.Finding] {
    var findings = Findings(layout)
    var walked: Set<Digest> = []
    for image in layout.images where walked.insert(image.root.digest).inserted {
      try Task.checkCancellation()
      findings.add(ImageWalk.follow(image, in: layout))
    }
    for reading in readings {
      if let problem = reading.problem { findings.add(problem, about: reading.digest) }
    }
    return findings.all
  }

  /// What keeps images from being taken out of the archive, by their roots.
  func absences() throws -> [Digest: TransferError] {
    var absences: [Digest: TransferError] = [:]
    var seen: Set<Digest> = []
    for image in layout.images where seen.insert(image.root.digest).inserted {
      try Task.checkCancellation()
      absences[image.root.digest] = absence(of: image)
    }
    return absences
  }

  /// What keeps an image from being taken out of the archive; nil when it is complete.
  private func absence(of image: LayoutImage) -> TransferError? {
    guard !layout.problems.isEmpty else { return nil }
    let problems = ImageWalk.follow(image, in: layout, isDeep: true).problems
    guard !problems.isEmpty else { return nil }
    let volumes = Set(problems.flatMap(layout.volumes(of:)).filter { $0.state != .present }.map(\.path))
    return .imageNotWhole(archive: layout.path, problems: problems, volumes: volumes.sorted())
  }
}
