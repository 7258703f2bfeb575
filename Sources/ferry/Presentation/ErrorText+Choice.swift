import Archives
import Digests
import Images
import Layouts
import NVIDIA
import Registry
import Transfers
import Transport

extension ErrorText {
  /// The last line is the command to type again; secrets never stand on a command line.
  static var interrupted: ErrorText {
    ErrorText(
      "interrupted; nothing unfinished has its final name. To go on:",
      remedy: .command(CommandLine.arguments), .interrupted)
  }

  /// The words for any error that Ferry knows.
  init(_ error: any Error) {
    switch error {
    case let error as TransferError: self.init(transfer: error)
    case let error as ImageFailure: self.init(error.error)
    case let error as RegistryError: self.init(registry: error)
    case let error as NVIDIAError: self.init(nvidia: error)
    case let error as NVIDIAListingFailure: self.init(nvidia: error.error)
    case let error as TransportError: self.init(transport: error)
    case let error as LayoutError: self.init(layout: error)
    case let error as ArchiveError: self.init(archive: error)
    case let error as CredentialError: self.init(credential: error)
    case let error as ReferenceError: self.init(reference: error)
    case let error as ManifestError: self.init(ErrorText.words(for: error), .integrityFailure)
    case let error as SigningKeyFailure: self.init(signing: error)
    case let error as SignatureError: self.init(ErrorText.words(for: error), .integrityFailure)
    case let error as DigestError: self.init(ErrorText.words(for: error), .integrityFailure)
    case let error as MalformedGlob:
      self.init(
        "'\(error.pattern)' is not a pattern: a bracket is open, or a range runs backwards", .usage)
    case let error as ImageList.Failure: self.init(list: error)
    case let error as Reports.Unwritable: self.init(report: error)
    case let error as ClosingFiles.Unwritten: self.init(unwritten: error.errors)
    case is CancellationError: self = .interrupted
    default: self.init("something unforeseen went wrong: \(String(describing: error))", .unforeseen)
    }
  }

  private init(list failure: ImageList.Failure) {
    switch failure {
    case .unreadable(let path): self.init("cannot read \(path)", .notFound)
    case .notText(let path): self.init("\(path) is not a text of one entry a line", .usage)
    }
  }
}
