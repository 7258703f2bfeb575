import Digests
import Images
import Transfers

/// The words for what happens while a transfer runs.
enum NoteText {
  static func line(for note: TransferNote) -> String {
    switch note {
    case .credential(let host, let source):
      "\(host): \(words(for: source))"
    case .resolving(let images):
      "looking up \(Amounts.count(images, "image"))"
    case .imageFailed(let failure):
      "failed: \(failure.image): \(ErrorText(failure.error).summary)"
    case .layerNotCarried(let image, let layer):
      "not carried: layer \(layer.digest.short) of \(image) is foreign and the registry does not hold it"
    case .platformTaken(let image, let platform, let digest):
      "\(image): taking \(platform) out of its index; the image is now \(digest)"
    case .latestAssumed(let reference):
      "\(reference) names no tag: taking \(Reference.defaultTag)"
    case .archiveWritten(let path, let digest, let size):
      "wrote \(path == "-" ? "standard output" : path) (\(Amounts.bytes(size))), archive digest \(digest)"
    case .archiveUpToDate(let path, let digest):
      "\(path) is there already with archive digest \(digest)"
    case .imported(_, let target, let digest):
      "pushed \(target)  \(digest)"
    case .alreadyThere(_, let target, let digest):
      "there already: \(target)  \(digest)"
    case .unreadable(let failure):
      "cannot read \(failure.image): \(ErrorText(failure.error).summary)"
    case .descriptionsMissing(let host, let error):
      "no descriptions of repositories from \(host): \(ErrorText(error).summary)"
    }
  }

  static func words(for source: CredentialSource) -> String {
    switch source {
    case .flags: "credentials from --username and --password-stdin"
    case .keyFile(let path): "the API key in \(path)"
    case .environment(let names): "credentials from \(names.joined(separator: " and "))"
    case .authFile(let path, let entry): "credentials from \(path), entry '\(entry)'"
    case .helper(let name, let path): "credentials from docker-credential-\(name), named in \(path)"
    case .anonymous: "no credentials, asking anonymously"
    }
  }
}
