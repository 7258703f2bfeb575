import Credentials
import NVIDIA
import Registry
import Transport

/// The words for what NVIDIA's REST services refuse or get wrong.
extension NVIDIAError: WordedError {
  var text: ErrorText {
    switch self {
    case .transport(let service, let error):
      let text = error.text
      return ErrorText("\(service.name): \(text.summary)", remedy: text.remedy, text.status)
    case .unauthorized(let service, let url, let messages):
      return ErrorText(
        "\(service.name) does not accept the key\(messages.said) (\(url))",
        remedy: "Check that the key is the one for this registry and has not been replaced by a newer one.",
        .credentialsRefused)
    case .denied(let service, let url, let messages):
      return ErrorText(
        "\(service.name) does not show this to the key\(messages.said) (\(url))",
        .permissionDenied)
    case .notFound(let service, let url, let messages):
      return ErrorText("\(service.name) has no such thing\(messages.said) (\(url))", .notFound)
    case .refused(let service, let url, let status, let messages):
      return ErrorText("\(service.name) answers \(status)\(messages.said) (\(url))", .networkFailed)
    case .overwhelmed(let service, let url, let status):
      return ErrorText(
        "\(service.name) still answers \(status) after all retries (\(url))",
        remedy: "Wait and run the same command again.", .networkFailed)
    case .redirected(let service, let url, let target):
      return ErrorText(
        "\(service.name) redirects \(url)\(target.map { " to \($0)" } ?? ""); keys follow no redirect",
        .networkFailed)
    case .malformedResponse(let service, let url, let breach):
      return ErrorText(
        "the answer of \(service.name) cannot be read: \(breach.words) (\(url))", .networkFailed)
    case .noServiceAccepts(let refusals):
      let texts = refusals.map { $0.error.text }
      return ErrorText(
        (["neither of NVIDIA's registries takes the key:"] + texts.map { "  \($0.summary)" })
          .joined(separator: "\n"),
        remedy: "Name the repositories yourself with -f if the key can pull and not list.",
        // The likelier service, asked first, may have been out of order: then nothing is known of the key.
        texts.first?.status == .networkFailed
          ? .networkFailed : texts.first { $0.status == .credentialsRefused }?.status ?? .permissionDenied)
    case .invalidRepository(let service, let name):
      return ErrorText("'\(name)' cannot be a repository of \(service.name)", .usage)
    case .invalidAddress(let address, let fault):
      return ErrorText(
        "'\(address)' is no service address: \(fault.words)",
        remedy:
          "Check \(EnvironmentVariable.dgxAPI), \(EnvironmentVariable.ngcAPI) and \(EnvironmentVariable.ngcAuthn).",
        .usage)
    }
  }
}

extension NVIDIAError.Breach {
  fileprivate var words: Wording {
    switch self {
    case .json(let fault): fault.words
    case .status(let code): "it says \(code) instead of a list"
    case .noList: "the list is missing"
    case .noToken: "it holds no token"
    }
  }
}

extension NVIDIAError.AddressFault {
  fileprivate var words: Wording {
    switch self {
    case .notAURL(let fault): fault?.words ?? "no URL"
    case .userOrQuery: "a base address has neither user nor query"
    }
  }
}

extension NVIDIAListingFailure: WordedError {
  var text: ErrorText { error.text }
}

extension NVIDIAService {
  fileprivate var name: Wording {
    switch self {
    case .dgx: "the DGX service"
    case .ngc: "the NGC service"
    }
  }
}
