import Digests
import Glibc
import Images
import Layouts
import Registry
import Transfers

/// The words for transfers that did not happen, or not whole. What takes many lines is told in types of its own:
/// ``FailureText``, ``RefusalText``, ``ProblemText``, ``KnownText``.
extension TransferError: WordedError {
  var text: ErrorText {
    switch self {
    case .nothingSelected:
      return ErrorText("no image is named", remedy: "The list is empty but for comments.", .usage)
    case .nothingSelectedBelow(let location, let repositories):
      return ErrorText(
        "no tag of the \(Amounts.count(repositories, "repository", plural: "repositories")) at or below "
          + "\(location) is selected",
        remedy: "ferry list \(location) shows them.", .notFound)
    case .selectorOnTag(let text):
      return ErrorText(
        "'\(text)' names a tag or digest itself, which --all-tags and --tags cannot select from",
        remedy: "Give the repository alone.", .usage)
    case .noTagSelected(let repository, let total):
      return ErrorText(
        "none of the \(Amounts.count(total, "tag")) of \(repository) is selected",
        remedy: "ferry list \(repository) shows them.", .notFound)
    case .tagNotFound(let reference, let near, let tags):
      let hint: Wording =
        near.isEmpty ? "It has \(Amounts.count(tags, "tag"))" : "Did you mean \(Wording.list(near))?"
      return ErrorText(
        "\(reference.repositoryName) has no tag \(reference.identifier)",
        remedy: near.isEmpty ? "\(hint); ferry list \(reference.repositoryName) shows them." : hint,
        .notFound)
    case .oddTagNotHad(let reference, let error):
      return ErrorText(
        "'\(reference.identifier)' in '\(reference)' is no tag by the rules, and was asked for in vain: "
          + ErrorText(error).summary,
        remedy: "A tag has up to 128 letters, digits and _ . -, and begins with none of the last two.", .usage
      )
    case .indexFixed(let image, let cause): return PlatformText.fixed(image, cause)
    case .notForDocker(let image, let obstacle): return PlatformText.docker(obstacle, of: image)
    case .platformNotFound(let reference, let wanted, let available):
      return PlatformText.notFound(wanted, of: reference, available)
    case .imagesFailed(let failures, let total): return FailureText.failed(failures, of: total)
    case .noHolder(let digest, let failures): return FailureText.notHad(digest, from: failures)
    case .blobFailed(let images, let total, let othersCanGo, let cause):
      return FailureText.blob(ErrorText(cause), of: images, total: total, othersCanGo: othersCanGo)
    case .notEnoughSpace(let path, let needed, let available):
      return ErrorText(
        "\(path) has \(Amounts.bytes(available)) free, and \(Amounts.bytes(needed)) are needed",
        remedy: "Free \(Amounts.bytes(needed - available)), write elsewhere, or export in parts (--shard).",
        .cannotWrite)
    case .blocked(let errors):
      let texts = errors.map { ErrorText($0) }
      return ErrorText(
        texts.map { [$0.summary, $0.remedy].compactMap(\.self).joined(separator: "\n") }
          .joined(separator: "\nferry: "),
        texts.first?.status ?? .unforeseen)
    case .cannotWriteFile(let path): return ErrorText("cannot write \(path)", .cannotWrite)
    case .noThread(let code):
      return ErrorText(
        "the system starts no thread for ferry: \(unsafe String(cString: strerror(code)))",
        remedy: "A limit of processes is reached: see ulimit -u, and the pids limit of a container.",
        .unforeseen)
    case .noDirectory(let path):
      return ErrorText(
        "there is no directory \(path) to write to", remedy: "Make it first: mkdir -p \(path)", .cannotWrite)
    case .noRoomForCopy(let error):
      return ErrorText(
        error.text.summary, remedy: "Make room, or name another place: --spool DIR", .cannotWrite)
    case .notADirectory(let path):
      return ErrorText(
        "nothing can be written below \(path), which is a file", remedy: "Name another place.", .cannotWrite)
    case .cannotMakeDirectory(let path): return ErrorText("cannot make the directory \(path)", .cannotWrite)
    case .importRunning(let journal, let pid):
      return ErrorText(
        "another process\(pid.map { " (\($0))" } ?? "") is importing with \(journal)",
        remedy: "Wait for it, or keep this import's journal elsewhere with --journal.", .destinationConflict)
    case .checkRunning(let journal, let pid):
      return ErrorText(
        "another process\(pid.map { " (\($0))" } ?? "") is reading back with \(journal)",
        remedy: "Wait for it, or keep this check's journal elsewhere with --journal.", .destinationConflict)
    case .sourceUnknown(let archive, let digest):
      return ErrorText(
        "\(archive) does not say where \(digest) came from",
        remedy: "With --to a check looks at a destination; --as names the image there.", .notFound)
    case .damagedOutput(let path, let problems):
      let lines: [Wording] = problems.prefix(20).map { "  \(ProblemText.line(for: $0))" }
      return ErrorText(
        (["\(path) is there already and is damaged:"] + lines).joined(separator: "\n"),
        remedy: "--force writes it anew.", .integrityFailure)
    case .outputExists(let path):
      return ErrorText(
        "\(path) exists and is not this archive", remedy: "--force replaces it.", .destinationConflict)
    case .outputMade(let path, let partial, let isFerrys):
      return ErrorText(
        "\(path) was made while this export ran, and is not this archive",
        remedy: (partial.map { "\($0) holds what was fetched: move" } ?? "Move")
          + " \(path) away and run the same command again." + (isFerrys ? " --force replaces it." : ""),
        .destinationConflict)
    case .outputIsKnown(let path):
      return ErrorText(
        "--skip-known \(path) is an archive that would be replaced",
        remedy: "Give the new one another name.", .usage)
    case .outputMissingImages(let path, let images):
      let names = images.prefix(3).map { Wording.command([$0]) } + (images.count > 3 ? ["…"] : [])
      return ErrorText(
        "\(path) is there without \(Amounts.count(images.count, "image")) that an earlier run could not get",
        remedy: "Carry what it lacks beside it: ferry export \(names.joined(separator: " ")) -o rest.tar "
          + "--skip-known \(Wording.command([path]))\n--force fetches all of it again.",
        .destinationConflict)
    case .unfinishedOther(let partial, let images):
      return ErrorText(
        "\(partial) is the unfinished archive of "
          + (images.isEmpty
            ? "other images" : "\(images[0])\(images.count > 1 ? " and others" : "")"),
        remedy: "--force throws it away; another name with -o keeps it.", .destinationConflict)
    case .fileNameCollision(let name, let images):
      return ErrorText(
        "the archives of \(Wording.list(images.map(\.description))) would all be named \(name)",
        remedy: "Export them in separate runs, or into one archive.", .destinationConflict)
    case .targetCollision(let target, let sources):
      return FailureText.collision(of: sources, at: target)
    case .imageLeftOut(let archive, let others): return FailureText.leftOut(of: archive, others)
    case .dividedImage(let name, let archives): return FailureText.divided(name, among: archives)
    case .nameCollision(let name, let target, let images):
      return FailureText.namedTwice(images, name, becoming: target)
    case .invalidTarget(let source, let target):
      return ErrorText(
        "\(source) would become \(target), which is no repository name",
        remedy: "Give it another name with --map.", .usage)
    case .unnamedImages(let archive, let images): return FailureText.unnamed(images, in: archive)
    case .malformedName(let text):
      return ErrorText(
        "'\(text)' is no name for an image",
        remedy: "--as takes REPOSITORY or REPOSITORY:TAG, without the registry, which --to names.", .usage)
    case .nothingToName(let name, let images):
      return ErrorText(
        "--as \(name.repository) is for an image without a name, and all \(images) have one",
        remedy: "Choose one with --image, or give them other names with --map.", .usage)
    case .compressionParts(let referrer, let subject):
      return ErrorText(
        "\(referrer) speaks of \(subject), which --compress-layers would change",
        remedy: "Import it without --compress-layers, or leave it out with --image.", .usage)
    case .tagsTaken(let taken):
      let lines: [Wording] = taken.prefix(20).map {
        "  \($0.target) holds \($0.present), not \($0.wanted) of \($0.source)"
      }
      let more: [Wording] = taken.count > 20 ? ["  and \(taken.count - 20) more"] : []
      return ErrorText(
        (["\(Amounts.count(taken.count, "tag")) at the destination would change:"] + lines + more)
          .joined(separator: "\n"),
        remedy:
          "--overwrite moves them; --existing skip leaves them and pushes the others; --map places the images elsewhere.",
        .destinationConflict)
    case .tagUntold(let target, let isListed, let cause):
      let text = cause.text
      // What is overwhelmed may tell a little later.
      var isBusy = false
      if case .overwhelmed = cause { isBusy = true }
      return ErrorText(
        isListed
          ? "\(target) is there, and the registry does not show what it holds: \(text.summary)"
          : "whether \(target) is there cannot be told, and it is left as it is: \(text.summary)",
        remedy: (isBusy ? "Run the same command again later. " : "A key that may pull shows it. ")
          + "--overwrite pushes it whatever is there.",
        isBusy ? .networkFailed : .destinationConflict)
    case .cannotRepeat(let archive, let digest, let size):
      return ErrorText(
        "the registry wants bytes of \(digest) (\(Amounts.bytes(size))) once more, and they have passed: "
          + "\(archive) cannot be read again",
        remedy:
          "Run the same command again: what has arrived is skipped. --spool DIR keeps a copy to read again.",
        .networkFailed)
    case .wrongArchive(let path, let expected, let actual):
      return ErrorText(
        "\(path) is archive \(actual), not \(expected)",
        remedy: "Bring the archive of which export printed that digest, or ask for this one's.",
        .integrityFailure)
    case .unsigned(let path, let signature):
      return ErrorText(
        "\(path) is not signed: there is no signature \(signature)",
        remedy:
          "Bring the signature that was made with it; that of an archive can be named with --signature.",
        .integrityFailure)
    case .signatureRefused(let path, let signature, let error):
      return ErrorText(
        "\(path) is not signed as demanded: \(signature): \(error.words)",
        remedy: "Do not use it before you know why. Ask whoever signed it for key and signature again.",
        .integrityFailure)
    case .signedOther(let path, let signature, let signed, let actual):
      return ErrorText(
        "\(signature) signs the archive \(signed); \(path) is \(actual)",
        remedy: "Bring the signature and the archive that belong together.", .integrityFailure)
    case .malformedReceipt(let path, let fault):
      return ErrorText(
        "\(path) is no receipt: \(fault.words)", remedy: "ferry import --receipt writes receipts.",
        .integrityFailure)
    case .unsupportedReceipt(let path, let version):
      return ErrorText(
        "\(path) is a receipt of format \(version.cut(to: 20)), which this Ferry does not know",
        remedy: "Use the version of Ferry that wrote it, or a newer one.", .usage)
    case .notInArchive(let name, let near):
      return ErrorText(
        "no image in the archive is named '\(name)'",
        remedy: near.isEmpty ? "ferry inspect shows what it holds." : "Did you mean \(Wording.list(near))?",
        .notFound)
    case .nothingToImport(let archives):
      return ErrorText(
        "there is no image to import in \(Wording.list(archives))",
        remedy: "ferry inspect shows what they hold.", .notFound)
    case .notAnImage(let archive, let other):
      return ErrorText(
        "\(archive) lists a '\(other.mediaType.rawValue)' beside its images, which cannot be pushed",
        remedy: "--image chooses the images.", .someFailed)
    case .readBackDiffers(let target, let expected, let actual):
      return ErrorText(
        "\(target) reads back as \(actual.map(\.description) ?? "nothing") instead of \(expected)",
        remedy: "Somebody else pushed there, or the registry changes what it is given.", .integrityFailure)
    case .platformNotHere(let archive, let image, let wanted, let here):
      return ErrorText(
        "\(image) has nothing for \(wanted) in \(archive)",
        remedy: here.isEmpty ? nil : "It has \(Wording.list(here.map(\.description))).", .notFound)
    case .platformsAbsent(let archive, let image, let here, let absent):
      return PlatformText.absent(absent, of: image, in: archive, here: here)
    case .sparseIndexRefused(let target, let missing):
      return ErrorText(
        "the registry refuses \(target): its index lists \(Amounts.count(missing, "manifest")) "
          + "that \(missing == 1 ? "is" : "are") not in the archive",
        remedy: "Import one platform of it: --platform OS/ARCH; or export it with every platform.",
        .destinationConflict)
    case .foreignLayersRefused(let target, let layers, let cause):
      return RefusalText.text(forForeign: layers, of: target, cause)
    case .schema1Refused(let target, let cause): return SchemaText.refused(target, cause)
    case .unknownTypeRefused(let target, let type, let cause):
      return RefusalText.text(for: type, of: target, cause)
    case .layerUnreadable(let archive, let digest): return SchemaText.unreadable(digest, in: archive)
    case .referrersNotHad(let image, let cause):
      let text = ErrorText(cause)
      return ErrorText(
        "what refers to \(image) (signatures, SBOMs, attestations) cannot be had: \(text.summary)",
        remedy: ([text.remedy].compactMap(\.self) + ["--no-referrers carries the images alone."])
          .joined(separator: "\n"),
        text.status)
    case .tooManyReferrers(let most, let deepest):
      return ErrorText(
        "there are more than \(most) of them, or chains of them longer than \(deepest)", .integrityFailure)
    case .subjectFailed(let subject):
      return ErrorText("it refers to \(subject), which did not arrive", .networkFailed)
    case .subjectUntold(let archive, let digest, let name):
      return FailureText.untold(digest, in: archive, of: name)
    case .notAReferrersList(let target, let cause):
      return ErrorText(
        "\(target), where the referrers of a manifest are listed, holds something else: \(cause.words)",
        remedy: "Remove that tag at the destination, or leave the referrers with --no-referrers.",
        .destinationConflict)
    case .subjectUnderListTag(let target):
      return ErrorText(
        "\(target), where the referrers of a manifest are listed, is that manifest itself: it is no list, and stays",
        remedy: "Remove that tag at the destination, or leave the referrers with --no-referrers.",
        .destinationConflict)
    case .listContended(let target):
      return ErrorText(
        "others change the list of referrers at \(target) all the time",
        remedy: "Run the same command again: what is there already is left as it is.", .destinationConflict)
    case .knownUnusable(let path, let problems):
      let lines: [Wording] = problems.prefix(20).map { "  \(ProblemText.line(for: $0))" }
      return ErrorText(
        ([
          "\(path), which --skip-known names, is \(problems.allSatisfy(\.isAbsence) ? "not whole" : "damaged"):"
        ]
          + lines).joined(separator: "\n"),
        remedy: "Name another copy of it, or leave it out: the export then carries everything.",
        .integrityFailure)
    case .contentMissing(let absent): return KnownText.text(for: absent)
    case .blobOfNoImage(let digest):
      return ErrorText("something unforeseen went wrong: \(digest) belongs to no image", .unforeseen)
    case .refusedByNGC(let misfits): return RefusalText.text(for: misfits)
    case .pullRefused(let refusal): return RefusalText.text(for: refusal)
    case .pushRefused(let refusals): return RefusalText.text(for: refusals)
    case .nothingListed(let location):
      return ErrorText(
        "the key shows no repository at or below \(location)",
        remedy: "ferry list \(location.host) shows all that it does show.", .notFound)
    case .incompleteListing(let skipped, let missingPages):
      return ErrorText(
        "the listing is not whole: \(Amounts.count(skipped, "entry", plural: "entries")) unusable, "
          + "\(Amounts.count(missingPages, "page")) not given",
        remedy: "List the namespaces one by one, or name what is missing yourself.", .networkFailed)
    case .catalogHidden(let location, let error):
      let cause = ErrorText(error)
      return ErrorText(
        "\(location.host) shows no catalog, so repositories below \(location) cannot be found: "
          + cause.summary,
        remedy:
          "Name the repositories: ferry list HOST/REPOSITORY and ferry export --all-tags need no catalog. Or use "
          + "a key that may list them.",
        [.credentialsRefused, .permissionDenied].contains(cause.status) ? cause.status : .notFound)
    case .tooManyVolumes(let path, let count, let limit):
      return ErrorText(
        "\(path) would have \(count) volumes, and \(limit) are the most",
        remedy: "Choose a larger --volume-size.", .usage)
    case .noSuchVolume(let path, let number, let count):
      return ErrorText(
        "\(path) has no volume \(number): with this --volume-size it has \(count)",
        remedy: "Give the images and the --volume-size that the set was made with.", .usage)
    case .cutOtherwise(let path, let begun, let wanted):
      let again =
        begun.map { "--volume-size \($0) goes on with it" } ?? "Without --volume-size it is gone on with"
      return ErrorText(
        "\(path) is the beginning of an archive \(Self.cut(begun)), not \(Self.cut(wanted))",
        remedy: "\(again); --force throws it away; another name with -o keeps it.", .destinationConflict)
    case .unfinishedSet(let path):
      return ErrorText(
        "\(path) is not finished yet", remedy: "The same command without --only-volume finishes it.",
        .destinationConflict)
    case .otherVolumes(let path, let expected, let actual):
      return ErrorText(
        "\(path) has \(actual) bytes and would have \(expected): it is of another set",
        remedy: "Give the images and the --volume-size that the set was made with, or write elsewhere.",
        .destinationConflict)
    case .otherArchive(let path, let expected, let actual):
      return ErrorText(
        "\(path) is of archive \(expected); the images named make \(actual) now",
        remedy: "Tags have moved: name the images by digest as they were, or export all volumes again.",
        .destinationConflict)
    case .incompleteOutput(let path, let missing):
      let numbers = missing.compactMap { VolumeNumber.of($0) }
      return ErrorText(
        "of the volumes of \(path) \(Wording.list(Wording.few(missing))) \(missing.count == 1 ? "is" : "are") not here",
        remedy:
          "Write them again with \(Wording.few(numbers.map { "--only-volume \($0)" }).joined(separator: " ")), "
          + "or all with --force.", .destinationConflict)
    case .expectsOneArchive(let count):
      return ErrorText("--expect speaks of one archive, and \(count) are named", .usage)
    case .unclearConfig(let images, let digest, let error):
      return ErrorText(
        "the config \(digest) of \(Wording.list(Wording.few(images))): \(error.words(of: "config"))",
        remedy: "Nothing of it was kept. \(Self.wrongAtSource)", .integrityFailure)
    case .wrongSizeListed(let digest, let listed, let actual):
      return ErrorText(
        "it gives \(digest) a size of \(listed) bytes; it has, or others give it, \(actual)",
        remedy: Self.wrongAtSource, .integrityFailure)
    case .configDisagrees(let config):
      return ErrorText(
        "its config \(config) speaks of other layers than its manifest lists", remedy: Self.wrongAtSource,
        .integrityFailure)
    case .damaged(let archive, let findings, let way):
      return ErrorText(
        (["\(archive) is damaged:"] + ProblemText.lines(for: findings)).joined(separator: "\n"),
        remedy: ProblemText.remedy(
          for: findings.problems,
          or: "Carry the archive over again, or export once more; ferry verify shows what is hurt.")
          + way.words,
        .integrityFailure)
    case .damagedBlob(let archive, let digest, let error):
      return ErrorText(
        "\(archive) is damaged: \(digest): \(error.words)",
        remedy:
          "Nothing of that blob was kept. Carry the archive over again, or export once more; ferry verify "
          + "shows what is hurt.",
        .integrityFailure)
    case .incompleteArchive(let archive, let findings, let way):
      return ErrorText(
        (["\(archive) is not whole:"] + ProblemText.lines(for: findings)).joined(separator: "\n"),
        remedy: ProblemText.remedy(for: findings.problems, or: ProblemText.bringVolumes(for: findings))
          + way.words,
        .integrityFailure)
    case .imageNotWhole(let archive, let problems, let volumes):
      let place: Wording = volumes.isEmpty ? "" : ", which should be in \(Wording.list(Wording.few(volumes)))"
      let damage = problems.first { !$0.isAbsence }
      let damaged: Wording = volumes.isEmpty ? "" : " (\(Wording.list(Wording.few(volumes))))"
      return ErrorText(
        damage.map { "it is damaged in \(archive)\(damaged): \(ProblemText.line(for: $0))" }
          ?? "\(archive) lacks \(Amounts.count(problems.count, "blob")) of it\(place)", .integrityFailure)
    case .ruleWithoutStar(let text):
      return ErrorText(
        "the rule '\(text)' uses a $ that none of its stars stands for",
        remedy: "$1 is what the first * or ** matched, $2 the second.", .usage)
    case .malformedRule(let text):
      return ErrorText(
        "'\(text)' is no mapping rule",
        remedy: "Write PATTERN=REPLACEMENT; $1 stands for the first * or **.", .usage)
    }
  }

  /// What helps where no export and no copy does.
  private static let wrongAtSource: Wording =
    "It is wrong at its source: have the image built or pushed anew there."

  private static func cut(_ volumeSize: Int64?) -> Wording {
    volumeSize.map { "in volumes of \($0) bytes" } ?? "in one file"
  }
}
