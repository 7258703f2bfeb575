import Files
import Images
import Layouts
import Tar

/// The words for archives that cannot be planned, written or opened.
extension LayoutError: WordedError {
  var text: ErrorText {
    let again: Wording = "Carry the archive over again, or export once more."
    switch self {
    case .archive(let error): return error.text
    case .tar(let error): return error.text
    case .exists(let path):
      return ErrorText("\(path) exists", remedy: "--force replaces it.", .destinationConflict)
    case .locked(let path, let pid):
      return ErrorText(
        "another process\(pid.map { " (\($0))" } ?? "") is writing \(path)",
        remedy: "Wait for it, or write to another name.", .destinationConflict)
    case .notAnArchive(let path):
      return ErrorText(
        "\(path) is not an archive",
        remedy: "Ferry reads OCI image layouts, in a tar or a directory, and what docker save writes.",
        .integrityFailure)
    case .notALayout(let path, let missing):
      return ErrorText(
        "\(path) is no OCI image layout: it has no \(missing)",
        remedy:
          "Ferry reads these, in a tar or a directory, and what docker save or skopeo wrote.",
        .integrityFailure)
    case .savedBeforeManifests(let path):
      return ErrorText(
        "\(path) is what docker save wrote before docker 1.10: layers, and nothing that says which image they are today",
        remedy:
          "docker load it into a docker of 1.10 to 24, which makes images of it, and docker save these. Unpacked, pack it again first.",
        .usage)
    case .holdsLayouts(let path, let first, let count, let isCertain):
      let more: Wording = count > 1 ? " and \(Amounts.count(count - 1, "more place"))" : ""
      return ErrorText(
        isCertain
          ? "\(path) holds images in \(first)\(more), and ferry reads the top of a tar alone"
          : "\(path) may hold images in \(first)\(more), and ferry reads the top of a tar alone",
        remedy:
          "Unpack it, and name the directory: ferry looks for archives in it, at any depth. mkdir DIR && tar -xf FILE -C DIR, and move FILE out of a directory that is named.",
        .usage)
    case .mayHoldImages(let path):
      return ErrorText(
        "\(path) may hold images, and ferry does not look into it",
        remedy:
          "Unpack or decompress it until it is a tar or a directory, name that, and move \(path) out of a directory that is named.",
        .usage)
    case .linkOutside(let path, let target):
      return ErrorText(
        "\(path) is a link to \(target), outside of the directory that is named, and is not followed",
        remedy: "Name \(target) as well, or remove the link.", .usage)
    case .unread(let unread):
      let count = Amounts.count(unread.count, "place")
      let lines: [Wording] = ["\(count) not looked into, which may hold images:"]
      return ErrorText((lines + TreeText.lines(for: unread)).joined(separator: "\n"), .usage)
    case .truncated(let path, let at):
      return ErrorText("\(path) is truncated: it ends at byte \(at)", remedy: again, .integrityFailure)
    case .damagedHeader(let path, let at):
      return ErrorText("\(path) is damaged at byte \(at)", remedy: again, .integrityFailure)
    case .unreachable(let path, let at):
      return ErrorText("\(path) lacks what lies at byte \(at)", remedy: again, .integrityFailure)
    case .volumeNeeded(let path, let archive):
      return ErrorText(
        "without \(path) nothing can be known of \(archive): what it holds is written there or behind it",
        remedy: "Bring that volume, or name the directory it is in as well.", .integrityFailure)
    case .wrongFirstVolume(let path):
      return ErrorText(
        "\(path) does not begin an archive",
        remedy: "It is damaged, or not the first volume: perhaps some were exchanged.", .integrityFailure)
    case .compressedVolumes(let path, let first, let compression):
      return ErrorText(
        "\(first) begins a file that was compressed with \(compression.rawValue) and then cut",
        remedy:
          "Lay its pieces end to end: cat \(path).* > \(path), and name that; or cat \(path).* | ferry verify -",
        .usage)
    case .cutFile(let path, let pieces, let whole, .none):
      return ErrorText(
        "\(path) is a piece of a file that was cut",
        remedy:
          "Lay all pieces end to end: cat \(pieces) > \(whole), and name that; or cat \(pieces) | ferry verify -",
        .usage)
    case .cutFile(let path, let pieces, _, let compression):
      return ErrorText(
        "\(path) is a piece of a file that was cut, and each piece is compressed with \(compression.rawValue)",
        remedy: "Decompress them all, and name the first: \(compression.rawValue) -d \(pieces)", .usage)
    case .volumeTwice(let one, let other):
      return ErrorText(
        "\(one) and \(other) are one volume of different sizes",
        remedy: "Name the right one and leave the other's directory out.", .integrityFailure)
    case .noArchive(let directory, let unread):
      guard unread.isEmpty else {
        let lines = ["there is no archive in \(directory) that ferry reads:"] + TreeText.lines(for: unread)
        return ErrorText(lines.joined(separator: "\n"), .notFound)
      }
      return ErrorText(
        "there is no archive in \(directory)",
        remedy:
          "Ferry looks in it, at any depth, for image layouts, what docker save and skopeo's dir: write, tars of these, and volumes.",
        .notFound)
    case .unfinished(let path, let images):
      let what =
        images.isEmpty ? "" : " of \(images[0])\(images.count > 1 ? " and others" : "")"
      return ErrorText(
        "\(path) is an unfinished export\(what)",
        remedy: "The same ferry export, run again, finishes it; then it has its name without .partial.",
        .integrityFailure)
    case .strayLink(let path, let entry, let target):
      let problem = LayoutProblem.strayLink(path: entry, target: target)
      return ErrorText(
        "\(path) cannot be read: \(ProblemText.line(for: problem))",
        remedy: ProblemText.remedy(for: [problem], or: again), .integrityFailure)
    case .noImage(let path, let others):
      let kinds = Set(others.map(\.rawValue)).sorted().prefix(5).map { "'\($0)'" }
      return ErrorText(
        "\(path) holds no image: "
          + (others.isEmpty
            ? "its list is empty"
            : "its list names \(Amounts.count(others.count, "entry", plural: "entries")) of \(Wording.list(kinds)) and no image"),
        remedy: "Nothing can be proved or carried of it: export the images again.", .notFound)
    case .malformed(let path, let entry, let why):
      return why.isOfBounds
        ? Self.beyond(path, "\(entry): \(why.words)")
        : ErrorText(
          "\(path) is damaged: \(entry): \(why.words)",
          remedy: why.isOfItsMaking ? ProblemText.haveItMadeAnew : again, .integrityFailure)
    case .oversized(let path, let entry, let size, let limit):
      return Self.beyond(path, "\(entry) has \(size) bytes, and \(limit) are the most")
    case .tooManyBlobs(let path, let limit):
      return Self.beyond(path, "its images list more than \(limit) manifests, configs and layers")
    case .tooManyValues(let path, let limit):
      return Self.beyond(
        path, "its manifests have more than \(limit) fields and values together, and no archive's do")
    case .tangled(let path, let limit):
      return Self.beyond(
        path, "its links, lists and images lead to the same over and over, in more than \(limit) steps")
    case .unsupportedVersion(let path, let entry, let found, let supported):
      return ErrorText(
        "\(path) was written in version \(found) of its format (\(entry)); this ferry reads \(supported)",
        remedy: "Use a newer ferry. If there is none, the archive is damaged: carry it over again.",
        .integrityFailure)
    case .sparse(let path, let entry):
      return ErrorText(
        "\(path) holds \(entry) as a sparse file, whose content cannot be read where it lies",
        remedy: "Pack it again without that: tar without -S (--sparse).", .usage)
    case .layerCompression(let path, let entry, let compression):
      return ErrorText(
        "\(path) has a layer that \(compression.rawValue) compressed, for which registries have no type: \(entry)",
        remedy:
          "Write it with layers that all can read: skopeo copy docker-archive:FILE oci-archive:NEW.tar, or docker load and docker save.",
        .usage)
    case .missing(let digest):
      return ErrorText("the archive lacks \(digest)", remedy: again, .integrityFailure)
    case .missingFile(let path, let entry):
      return ErrorText(
        "\(path) lacks \(entry)",
        remedy: "It was not written, or was taken out: have the images saved or exported once more.",
        .integrityFailure)
    case .unlistedName(let path, let name):
      return ErrorText(
        "\(path): \(name) stands in docker's file repositories alone, and leads to no image of manifest.json",
        remedy: "Have the images saved once more where all of them are.", .integrityFailure)
    case .layerLeftOut(let path, let image, let layer):
      return ErrorText(
        "\(path) does not have layer \(layer) of \(image): who saved it left it to a docker that has it",
        remedy: "Save the image from a docker that has all of it, or export it from its registry.", .notFound)
    case .wrongContent(let digest, let error):
      return ErrorText(
        "\(digest) is damaged in the archive: \(error.words)", remedy: again, .integrityFailure)
    case .notAManifest(let digest, let error):
      return ErrorText(
        "\(digest): \(error.words)",
        remedy: ProblemText.remedy(for: [.notAManifest(digest, error)], or: again), .integrityFailure)
    case .notStreamable(let path, let obstacle):
      return ErrorText(
        "\(path) cannot be read as it comes: \(Self.words(for: obstacle))",
        remedy: "Write it to a file and name that; or let ferry do so: --spool DIR", .usage)
    case .brokenStream(let path, let problems):
      let lines: [Wording] = problems.prefix(20).map { "  \(ProblemText.line(for: $0))" }
      let more: [Wording] = problems.count > 20 ? ["  and \(problems.count - 20) more"] : []
      return ErrorText(
        (["\(path) is not whole:"] + lines + more).joined(separator: "\n"),
        remedy: "No tag was pushed. "
          + ProblemText.remedy(
            for: problems,
            or: "Send or carry it again, and run the same command: what has arrived is skipped."),
        .integrityFailure)
    case .passed(let digest, _):
      return ErrorText("the bytes of \(digest) have passed and cannot be had again", .unforeseen)
    case .conflictingSizes(let digest, let one, let other):
      return ErrorText(
        "the images give \(digest) two sizes, \(one) and \(other) bytes",
        remedy: "One of them is damaged at its source.", .integrityFailure)
    case .conflictingReferences(let reference, _, _):
      return ErrorText("\(reference) stands for two different images", .usage)
    case .unwritableReference(let text): return ErrorText("'\(text)' cannot stand in an archive", .usage)
    case .unwritableFile(let path): return ErrorText("'\(path)' cannot stand in an archive", .usage)
    case .tooManyEntries(let limit):
      return TarError.tooManyEntries(path: "the archive", limit: limit).text
    case .listTooLarge(let path, let size, let limit):
      return ErrorText(
        "\(path) of the archive would have \(size) bytes, and \(limit) are the most",
        remedy:
          "These are too many images for one archive: -o DIR/ writes one for each, --shard one for a part.",
        .cannotWrite)
    case .tooLarge: return ErrorText("the archive would be larger than a file can be", .cannotWrite)
    case .incomplete(let digests):
      return ErrorText(
        "\(Amounts.count(digests.count, "blob")) of the archive never arrived", .integrityFailure)
    case .cancelled: return .interrupted
    case .unreferenced, .notPlanned, .outOfOrder, .finished: return .unforeseen(self)
    }
  }

  /// What is beyond one of Ferry's limits, which is no damage: carried again it is the same.
  private static func beyond(_ path: String, _ what: Wording) -> ErrorText {
    ErrorText(
      "\(path) is more than ferry reads: \(what)",
      remedy:
        "It need not be damaged. If you trust whoever made it, have its images saved in several archives.",
      .integrityFailure)
  }

  /// Why an archive cannot be read as it comes.
  static func words(for obstacle: StreamObstacle) -> Wording {
    switch obstacle {
    case .order(let entry): "\(entry) comes before what says what it is"
    case .link(let entry): "\(entry) is a link, and what it leads to may have passed"
    case .foreign: "another tool packed it, and its layers may come before its manifests"
    case .twoReadings: "what changes images reads layers twice, to learn what they become and to send them"
    }
  }
}

extension FileFault {
  /// Why one of an archive's own files cannot be read.
  var words: Wording {
    switch self {
    case .json(let fault): fault.words
    case .annotationNotADigest(let name): "the annotation '\(name)' is no digest"
    case .fieldNotADigest(let name): "the field '\(name)' has what is no digest that can be computed"
    case .filesOutOfOrder: "its files are not in order"
    case .fileOutsideFolder: "it names a file outside ferry/"
    case .fileSizeOutOfRange(let path): "it gives '\(path)' a size out of range"
    case .filesTooLarge: "its files are too large"
    case .tooManyParts(let limit): "it lists more than \(limit) images, names and layers"
    case .tooManyNames(let limit): "it has more than \(limit) names of images"
    case .namesTooLong(let limit): "its names of images have more than \(limit) bytes together"
    case .pathTooLong(let limit): "it names a file by a path of more than \(limit) bytes"
    case .layerCount(let listed, let config, let expected):
      "it lists \(listed) layers where \(config) speaks of \(expected)"
    case .compression(let reason): "\(reason)"
    }
  }
}
