import Digests
import Glibc
import Images
import Layouts
import Transfers

extension ErrorText {
  init(transfer error: TransferError) {
    switch error {
    case .nothingSelected:
      self.init("no image is named", remedy: "The list is empty but for comments.", .usage)
    case .nothingSelectedBelow(let location, let repositories):
      self.init(
        "no tag of the \(Amounts.count(repositories, "repository", plural: "repositories")) at or below "
          + "\(location) is selected",
        remedy: "ferry list \(location) shows them.", .notFound)
    case .selectorOnTag(let text):
      self.init(
        "'\(text)' names a tag or digest itself, which --all-tags and --tags cannot select from",
        remedy: "Give the repository alone.", .usage)
    case .noTagSelected(let repository, let total):
      self.init(
        "none of the \(Amounts.count(total, "tag")) of \(repository) is selected",
        remedy: "ferry list \(repository) shows them.", .notFound)
    case .tagNotFound(let reference, let near, let tags):
      let hint: Wording =
        near.isEmpty ? "It has \(Amounts.count(tags, "tag"))" : "Did you mean \(Self.list(near))?"
      self.init(
        "\(reference.repositoryName) has no tag \(reference.identifier)",
        remedy: near.isEmpty ? "\(hint); ferry list \(reference.repositoryName) shows them." : hint,
        .notFound)
    case .platformNotFound(let reference, let wanted, let available):
      self.init(
        "\(reference) has no image for \(Self.list(wanted.map(\.description)))",
        remedy: "It has \(Self.list(available.map(\.description))).", .notFound)
    case .imagesFailed(let failures, let total): self.init(failures: failures, total: total)
    case .noHolder(let digest, let failures): self.init(blob: digest, notHadFrom: failures)
    case .blobFailed(let images, let total, let othersCanGo, let cause):
      self.init(blob: ErrorText(cause), of: images, total: total, othersCanGo: othersCanGo)
    case .notEnoughSpace(let path, let needed, let available):
      self.init(
        "\(path) has \(Amounts.bytes(available)) free, and \(Amounts.bytes(needed)) are needed",
        remedy: "Free \(Amounts.bytes(needed - available)), write elsewhere, or export in parts (--shard).",
        .cannotWrite)
    case .blocked(let errors):
      let texts = errors.map { ErrorText($0) }
      self.init(
        texts.map { [$0.summary, $0.remedy].compactMap(\.self).joined(separator: "\n") }
          .joined(separator: "\nferry: "),
        texts.first?.status ?? .unforeseen)
    case .cannotWriteFile(let path): self.init("cannot write \(path)", .cannotWrite)
    case .noThread(let code):
      self.init(
        "the system starts no thread for ferry: \(unsafe String(cString: strerror(code)))",
        remedy: "A limit of processes is reached: see ulimit -u, and the pids limit of a container.",
        .unforeseen)
    case .noDirectory(let path):
      self.init(
        "there is no directory \(path) to write to", remedy: "Make it first: mkdir -p \(path)", .cannotWrite)
    case .cannotMakeDirectory(let path): self.init("cannot make the directory \(path)", .cannotWrite)
    case .importRunning(let journal, let pid):
      self.init(
        "another process\(pid.map { " (\($0))" } ?? "") is importing with \(journal)",
        remedy: "Wait for it, or keep this import's journal elsewhere with --journal.", .destinationConflict)
    case .damagedOutput(let path, let problems):
      let lines: [Wording] = problems.prefix(20).map { "  \(ProblemText.line(for: $0))" }
      self.init(
        (["\(path) is there already and is damaged:"] + lines).joined(separator: "\n"),
        remedy: "--force writes it anew.", .integrityFailure)
    case .outputExists(let path):
      self.init(
        "\(path) exists and is not this archive", remedy: "--force replaces it.", .destinationConflict)
    case .outputMade(let path, let partial):
      self.init(
        "\(path) was made while this export ran, and is not this archive",
        remedy: (partial.map {
          "\($0) holds what was fetched: move \(path) away and run the same command again. "
        } ?? "")
          + "--force replaces it.", .destinationConflict)
    case .outputIsKnown(let path):
      self.init(
        "--skip-known \(path) is an archive that would be replaced",
        remedy: "Give the new one another name.", .usage)
    case .outputLacks(let path, let images):
      let names = images.prefix(3).map { Wording.command([$0]) } + (images.count > 3 ? ["…"] : [])
      self.init(
        "\(path) is there without \(Amounts.count(images.count, "image")) that an earlier run could not get",
        remedy: "Carry what it lacks beside it: ferry export \(names.joined(separator: " ")) -o rest.tar "
          + "--skip-known \(Wording.command([path]))\n--force fetches all of it again.",
        .destinationConflict)
    case .unfinishedOther(let partial, let images):
      self.init(
        "\(partial) is the unfinished archive of "
          + (images.isEmpty
            ? "other images" : "\(images[0])\(images.count > 1 ? " and others" : "")"),
        remedy: "--force throws it away; another name with -o keeps it.", .destinationConflict)
    case .fileNameCollision(let name, let images):
      self.init(
        "the archives of \(Self.list(images.map(\.description))) would all be named \(name)",
        remedy: "Export them in separate runs, or into one archive.", .destinationConflict)
    case .targetCollision(let target, let sources):
      self.init(
        "\(Self.list(sources)) would all become \(target)",
        remedy: "Tell them apart with --map, or choose with --image.", .destinationConflict)
    case .invalidTarget(let source, let target):
      self.init(
        "\(source) would become \(target), which is no repository name",
        remedy: "Give it another name with --map.", .usage)
    case .unnamedImages(let archive, let images): self.init(unnamed: images, in: archive)
    case .malformedName(let text):
      self.init(
        "'\(text)' is no name for an image",
        remedy: "--as takes REPOSITORY or REPOSITORY:TAG, without the registry, which --to names.", .usage)
    case .nothingToName(let name, let images):
      self.init(
        "--as \(name.repository) is for an image without a name, and all \(images) have one",
        remedy: "Choose one with --image, or give them other names with --map.", .usage)
    case .compressionParts(let referrer, let subject):
      self.init(
        "\(referrer) speaks of \(subject), which --compress-layers would change",
        remedy: "Import it without --compress-layers, or leave it out with --image.", .usage)
    case .tagsTaken(let taken):
      let lines: [Wording] = taken.prefix(20).map {
        "  \($0.target) holds \($0.present), not \($0.wanted) of \($0.source)"
      }
      let more: [Wording] = taken.count > 20 ? ["  and \(taken.count - 20) more"] : []
      self.init(
        (["\(Amounts.count(taken.count, "tag")) at the destination would change:"] + lines + more)
          .joined(separator: "\n"),
        remedy: "--overwrite moves them; --map places the images elsewhere.", .destinationConflict)
    case .cannotRepeat(let archive, let digest, let size):
      self.init(
        "the registry wants bytes of \(digest) (\(Amounts.bytes(size))) once more, and they have passed: "
          + "\(archive) cannot be read again",
        remedy:
          "Run the same command again: what has arrived is skipped. --spool DIR keeps a copy to read again.",
        .networkFailed)
    case .wrongArchive(let path, let expected, let actual):
      self.init(
        "\(path) is archive \(actual), not \(expected)",
        remedy: "Bring the archive of which export printed that digest, or ask for this one's.",
        .integrityFailure)
    case .unsigned, .signatureRefused, .signedOther, .malformedReceipt, .unsupportedReceipt:
      self.init(proof: error)
    case .notInArchive(let name, let near):
      self.init(
        "no image in the archive is named '\(name)'",
        remedy: near.isEmpty ? "ferry inspect shows what it holds." : "Did you mean \(Self.list(near))?",
        .notFound)
    case .nothingToImport(let archives):
      self.init(
        "there is no image to import in \(Self.list(archives))",
        remedy: "ferry inspect shows what they hold.", .notFound)
    case .notAnImage(let archive, let other):
      self.init(
        "\(archive) lists a '\(other.mediaType.rawValue)' beside its images, which cannot be pushed",
        remedy: "--image chooses the images.", .someFailed)
    case .readBackDiffers(let target, let expected, let actual):
      self.init(
        "\(target) reads back as \(actual.map(\.description) ?? "nothing") instead of \(expected)",
        remedy: "Somebody else pushed there, or the registry changes what it is given.", .integrityFailure)
    case .sparseIndexRefused(let target, let missing):
      self.init(
        "the registry refuses \(target): its index lists \(Amounts.count(missing, "manifest")) "
          + "that --platform left out of the archive",
        remedy: "Export it with every platform, or with a single one.", .destinationConflict)
    case .referrersNotHad, .tooManyReferrers, .subjectFailed, .notAReferrersList, .listContended:
      self.init(referrers: error)
    case .knownUnusable, .contentAbsent: self.init(known: error)
    case .blobOfNoImage(let digest):
      self.init("something unforeseen went wrong: \(digest) belongs to no image", .unforeseen)
    case .refusedByNGC(let misfits): self.init(misfits: misfits)
    case .pullRefused(let refusal): self.init(refusal: refusal)
    case .pushRefused(let refusals): self.init(refusals: refusals)
    case .nothingListed(let location):
      self.init(
        "the key shows no repository at or below \(location)",
        remedy: "ferry list \(location.host) shows all that it does show.", .notFound)
    case .incompleteListing(let skipped, let missingPages):
      self.init(
        "the listing is not whole: \(Amounts.count(skipped, "entry", plural: "entries")) unusable, "
          + "\(Amounts.count(missingPages, "page")) not given",
        remedy: "List the namespaces one by one, or name what is missing yourself.", .networkFailed)
    case .catalogHidden(let location, let error):
      let cause = ErrorText(error)
      self.init(
        "\(location.host) shows no catalog, so repositories below \(location) cannot be found: "
          + cause.summary,
        remedy: "Name the repositories, with --all-tags, or use a key that may list them.",
        [.credentialsRefused, .permissionDenied].contains(cause.status) ? cause.status : .notFound)
    case .tooManyVolumes, .noSuchVolume, .cutOtherwise, .unfinishedSet, .otherVolumes, .otherArchive,
      .incompleteOutput, .expectsOneArchive:
      self.init(volumes: error)
    case .unclearConfig, .wrongSizeListed, .configDisagrees, .damaged, .damagedBlob, .notWhole,
      .imageNotWhole:
      self.init(damage: error)
    case .ruleWithoutStar(let text):
      self.init(
        "the rule '\(text)' uses a $ that none of its stars stands for",
        remedy: "$1 is what the first * or ** matched, $2 the second.", .usage)
    case .malformedRule(let text):
      self.init(
        "'\(text)' is no mapping rule",
        remedy: "Write PATTERN=REPLACEMENT; $1 stands for the first * or **.", .usage)
    }
  }

  /// All failures at once. The status is theirs when they agree, else the first one's.
  private init(failures: [ImageFailure], total: Int) {
    let texts = failures.map { ($0.image, ErrorText($0.error)) }
    guard texts.count > 1 || total > 1, let first = texts.first?.1 else {
      let only = texts.first?.1
      self.init(only?.summary ?? "an image failed", remedy: only?.remedy, only?.status ?? .unforeseen)
      return
    }
    guard texts.count == 1 || texts.contains(where: { $0.1 != first }) else {
      let many = failures.count == total ? "all" : "\(failures.count) of"
      self.init(
        "\(first.summary); that stops \(many) \(Amounts.count(total, "image"))", remedy: first.remedy,
        first.status)
      return
    }
    var lines: [Wording] = ["\(failures.count) of \(Amounts.count(total, "image")) cannot be carried:"]
    // A remedy that all share is said once; others stand with what they speak of.
    let isShared = Set(texts.map(\.1.remedy)).count == 1
    for (image, text) in texts.prefix(50) {
      lines.append("  \(image): \(text.summary)")
      if !isShared, let remedy = text.remedy {
        lines += remedy.lines.map { "    \($0)" }
      }
    }
    if texts.count > 50 { lines.append("  and \(texts.count - 50) more") }
    let remedies = (isShared ? [first.remedy].compactMap(\.self) : []) + ["--keep-going carries the others."]
    self.init(lines.joined(separator: "\n"), remedy: remedies.joined(separator: "\n"), first.status)
  }

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ names: [String]) -> Wording { list(names.map(Wording.value)) }

  static func list(_ names: [Wording]) -> Wording {
    guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }
}
