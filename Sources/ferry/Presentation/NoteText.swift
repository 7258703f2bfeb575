import Credentials
import Digests
import Images
import Layouts
import Registry
import Transfers

/// The words for images of Docker's schema 1.
enum SchemaText {
  /// That one became, or is to become, one of schema 2.
  static func converted(_ image: String, from: Digest, to: Digest?) -> Wording {
    "converted to schema 2: \(image) \(from) → \(to?.description ?? "known when its layers are here")"
  }

  static func refused(_ target: Reference, _ cause: any Error) -> ErrorText {
    ErrorText(
      "the registry did not take \(target), a Docker schema 1 image: \(ErrorText(cause).summary)",
      remedy:
        "--convert-schema1 makes a schema 2 image of it, with another digest: here, or in a "
        + "new export, whose archive any tool loads.", .cannotWrite)
  }

  /// `archive` is nil for a layer that comes from a registry.
  static func unreadable(_ layer: Digest, in archive: String?) -> ErrorText {
    ErrorText(
      "layer \(layer)\(archive.map { " in \($0)" } ?? "") cannot be decompressed, and so its image not be converted",
      remedy: "Without --convert-schema1 the image is \(archive == nil ? "carried" : "pushed") as it is.",
      .integrityFailure)
  }
}

/// The words for an image that is not what the digest in its name says.
enum GivenDigestText {
  /// That docker's list names it by another digest.
  static func line(for image: String, was given: Digest, is digest: Digest) -> Wording {
    "\(image) was \(given) by the name in its archive, and is \(digest)"
  }
}

/// The words for what happens while a transfer runs.
enum NoteText {
  static func line(for note: TransferNote) -> Wording {
    switch note {
    case .credential(let host, let source):
      "\(host): \(CredentialText.words(for: source))"
    case .resolving(let images):
      "looking up \(Amounts.count(images, "image"))"
    case .untaggedFound(let images):
      "looking up \(Amounts.count(images, "image")) that no tag names"
    case .untaggedUnlisted(let hosts): UntaggedText.line(unlistedAt: hosts) ?? ""
    case .imageFailed(let failure):
      "failed: \(failure.image): \(ErrorText(failure.error).summary)"
    case .layerNotCarried(let image, let layer):
      "not carried: layer \(layer.digest.short) of \(image) is foreign and the registry does not hold it"
    case .platformTaken(let image, let platform, let digest):
      "\(image): taking \(platform) out of its index; the image is now \(digest)"
    case .platformsMissing(let image, let platforms):
      "\(image) has nothing for \(Wording.list(platforms.map(\.description)))"
    case .referrerTagsLeft(let count):
      "leaving \(Amounts.count(count, "tag")) of signatures and the like, which docker does not load"
    case .platformsTaken(let image, let count, let from, let digest):
      "\(image): leaving \(Amounts.count(count, "manifest")) out of its index \(from); the image is now \(digest)"
    case .platformDiffers(let image, let platform):
      "\(image) is for \(platform) alone: taking it as it is"
    case .schema1Carried(let image, let digest):
      "\(image) is a Docker schema 1 image: carrying it as it is, \(digest)"
    case .schema1Converted(let image, let from, let to): SchemaText.converted(image, from: from, to: to)
    case .digestDiffers(let image, let given, let digest):
      GivenDigestText.line(for: image, was: given, is: digest)
    case .latestAssumed(let reference):
      "\(reference) names no tag: taking \(Reference.defaultTag)"
    case .continuing(let path, let have, let moved, let size):
      "\(path): continuing with \(Amounts.bytes(have)) of \(Amounts.bytes(size))"
        + (moved > 0 ? ", of which \(Amounts.bytes(moved)) change their place" : "")
    case .tagMoved(let image, let from, let to):
      "\(image) has moved since the last run: from \(from.short) to \(to.short)"
    case .damagedOnDisk(let blob, let kept, let claimed):
      "\(blob.short): of the \(Amounts.bytes(claimed)) that an earlier run left, \(Amounts.bytes(kept)) are right"
    case .archiveWritten(let path, let digest, let size):
      "wrote \(path) (\(Amounts.bytes(size))), archive digest \(digest)"
    case .archiveUpToDate(let path, let digest):
      "there already: \(path), archive digest \(digest)"
    case .repacked(let path):
      "\(path) was repacked by another tool: the archive digest proves what is in it"
    case .takenFromDamaged(let path, let problems):
      "\(path) is not whole: \(Amounts.count(problems, "problem")), which 'ferry verify' names; what is taken of it is looked into"
    case .imageElsewhere(let image, let error, let taken):
      "\(image): \(ErrorText(error).summary): taking what \(taken) has"
    case .blobElsewhere(let blob, let error, let taken):
      "\(ErrorText(error).summary): taking \(blob.short) from \(taken)"
    case .restElsewhere(let archive, let blobs):
      "\(archive) is not whole: taking \(Amounts.count(blobs, "blob")) that did not come from the other archives"
    case .signaturesLeft(let path, let count):
      "\(path): " + (TreeText.line(forSignatures: count) ?? "")
    case .passedOver(let remains): TreeText.line(for: remains)
    case .spooling(let path, let obstacle, let directory, let available):
      "copying \(path) into \(directory) first, where \(Amounts.bytes(available)) are free (--spool DIR names another): "
        + LayoutError.words(for: obstacle)
    case .provingVolumes(let size):
      "proving the volumes before anything is pushed: \(Amounts.bytes(size))"
    case .proofWritten(let path): "wrote \(path)"
    case .proofOutdated(let path):
      "\(path) is of the archive that was there before: write it anew with "
        + "\(path.hasSuffix(".sha256") ? "--checksum" : "--sign-key"), or remove it"
    case .uploadContinues(let repository, let blob, let offset):
      "continuing with \(Amounts.bytes(offset)) of \(Amounts.bytes(blob.size)): "
        + "\(blob.digest.short) in \(repository)"
    case .noJournal(let error):
      "open uploads cannot be kept for a next run (--journal names another place): "
        + ErrorText(error).summary
    case .readingBack(let bytes, let total):
      "reading back \(Amounts.bytes(bytes)) of the \(Amounts.bytes(total)) that are there"
    case .readBackContinues(let bytes):
      "continuing: \(Amounts.bytes(bytes)) of that were read and right in a run that was broken off"
    case .noReadBackJournal(let error):
      "what is read back cannot be noted for a next run (--journal names another place): "
        + ErrorText(error).summary
    case .layerCompressed(let from, let to):
      "compressed: layer \(from.digest) → \(to.digest) "
        + "(\(Amounts.bytes(from.size)) → \(Amounts.bytes(to.size)))"
    case .imageCompressed(let image, let compression):
      "\(compression.words): \(image.source) \(compression.original) → \(image.digest)"
    case .imported(_, let target, let digest):
      "pushed \(target)  \(digest)"
    case .alreadyThere(_, let target, let digest):
      "there already: \(target)  \(digest)"
    case .superseded(let image, let name): line(for: image, supersededBy: name)
    case .platformUntold(let image, let archive):
      "\(image) in \(archive) does not say for which platform it is: taking it as it is"
    case .platformContradicted(let image, let digest, let listed, let stated):
      "\(image): its index lists \(digest) for \(listed), and the config of that says \(stated)"
    case .platformTwice(let image, let platform, let taken, let others):
      PlatformText.line(for: image, platform, taking: taken, others: others)
    case .othersNotRead(let archives):
      "what \(Wording.list(Wording.few(archives))) \(archives.count == 1 ? "holds" : "hold") for other platforms is not read, "
        + "and may be damaged: 'ferry verify' proves it"
    case .platformElsewhere(let image, let archive, let taken):
      "\(image) in \(archive) is for other platforms: taking the one in \(taken)"
    case .skipped(let image): line(for: image)
    case .trusted(let target, let digest):
      "there by its tag, not looked into: \(target)  \(digest)"
    case .partsMissing(let target, let count):
      "\(target) is there, but \(Amounts.count(count, "part")) of it \(count == 1 ? "is" : "are") missing: "
        + "pushing what is missing"
    case .settling(let host, .manifest(let repository, let identifier), let patience):
      "\(host) does not show \(repository) \(identifier) as it was pushed yet: "
        + "asking again for \(patience.components.seconds) s"
    case .settling(let host, .blob(let repository, let digest), let patience):
      "\(host) does not show \(digest.short) in \(repository) yet: "
        + "asking again for \(patience.components.seconds) s"
    case .ruleUnused(let rule):
      "the rule '\(rule)' is for none of the images' repositories"
        + (rule.prefix { $0 != "/" && $0 != "=" }.contains { $0 == "." || $0 == ":" }
          ? ", which it has to name without their registry" : "")
    case .unreadable(let failure):
      "cannot read \(failure.image): \(ErrorText(failure.error).summary)"
    case .descriptionsMissing(let host, let error):
      "no descriptions of repositories from \(host): \(ErrorText(error).summary)"
    case .referrersNotShown(let repository, let error):
      "\(repository): only referrers with tags are carried, for the registry lists none: "
        + ErrorText(error).summary
    case .provingKnown(let source, let size):
      "reading \(KnownText.name(of: source)) for what it is believed to hold: \(Amounts.bytes(size))"
    case .knownDamaged(let source, let blob):
      "\(KnownText.name(of: source)) is damaged: \(blob.digest) is exported, for it does not hold it"
    case .referrerNotCarried(let image, let referrer): UncarriedText.line(for: referrer, of: image)
    case .manifestUnknown(let image, let child): UncarriedText.line(forUnknown: child, of: "\(image)")
    case .registryWarns(let warning): "warning: \(words(of: warning))"
    case .catalogHidden(let location, let error):
      "\(location.host) shows no catalog: repositories below \(location) are not looked for "
        + "(\(ErrorText(error).summary))"
    case .noTags(let repository, let isUnknownByName):
      "\(repository) has no tags\(isUnknownByName ? ", or may not be shown to this key" : ""): its images can only be named by digest"
    }
  }
}

extension NoteText {
  /// An image that was skipped: what is there in its place.
  static func line(for image: ImportImage) -> Wording {
    if case .skipped(let present) = image.state {
      return "skipped: \(image.target) holds \(present), not \(image.digest) of \(image.source)"
    }
    return
      "skipped: \(image.target) refers to \(image.referral?.subject.short ?? "an image"), which was skipped"
  }

  /// An image whose name is another one's.
  static func line(for image: ImportImage, supersededBy name: SupersededName) -> Wording {
    let digest = image.compression?.original ?? image.digest
    let other = name.digest.map { "\($0) in " } ?? ""
    return
      "superseded by \(other)\(name.archive): \(name.name), \(digest) in \(image.archive), goes by its digest, to "
      + "\(image.target)"
  }

  /// What a registry warns of, in its own words.
  static func words(of warning: RegistryWarning) -> Wording { "\(warning.host) says: \(warning.text)" }
}

/// The words for where a credential is from, and for what is odd about it.
enum CredentialText {
  static func words(for source: CredentialSource) -> Wording {
    switch source {
    case .flags: "credentials from --username and --password-stdin"
    case .keyFile(let path): "the API key in \(path)"
    case .environment(let names): "credentials from \(names.joined(separator: " and "))"
    case .authFile(let path, let entry): "credentials from \(path), entry '\(entry)'"
    case .helper(let name, let server, let path):
      "credentials from docker-credential-\(name) for '\(server)', named in \(path)"
    case .anonymous: "no credentials, asking anonymously"
    }
  }

  static func line(for warning: CredentialWarning) -> Wording {
    switch warning {
    case .keyFileReadable(let path):
      "warning: others may read \(path); chmod 600 keeps the key to yourself"
    case .sharedByPhases(let host, let source):
      "warning: \(words(for: source)) would serve export and import alike, and \(host) has a key "
        + "for each; \(EnvironmentVariable.exportAPIKey) and \(EnvironmentVariable.importAPIKey) keep them apart"
    case .helperGaveNothing(let missed):
      "warning: \(words(for: missed)); going on without"
    case .helperRemarked(let name, let remark):
      "docker-credential-\(name) says: \(remark)"
    case .brokenEntry(let path, let key):
      "warning: the entry '\(key)' of \(path) holds no login that can be read"
    case .hostFileUnusable(let path):
      "warning: \(path) is left out: it cannot be read, or holds no certificate in PEM form"
    case .keyOfOtherPhase(let host, let phase):
      "warning: the key for \(host) looks like one for \(registry(of: phase.other)), and "
        + "this is the \(phase.rawValue)"
    }
  }

  /// A helper that gave nothing, and why.
  static func words(for missed: MissedCredential) -> Wording {
    let helper: Wording = "docker-credential-\(missed.name)"
    let place: Wording = "(\(missed.path) names it)"
    return missed.failure.map { "\(helper) gave no credentials for \(missed.server): \($0.words) \(place)" }
      ?? "\(helper) has no credentials for \(missed.server) \(place)"
  }

  /// Which of the registries behind one name a phase speaks to.
  private static func registry(of phase: Phase) -> Wording {
    switch phase {
    case .export: "the DGX registry"
    case .import: "NGC"
    }
  }
}

extension CompressedImage {
  /// Why an image is not pushed as it lies in its archive.
  fileprivate var words: Wording {
    if isConverted { return "converted to schema 2" }
    guard let origin else { return "compressed" }
    return "\(origin.platform?.description ?? "one platform") taken out of its index"
  }
}
