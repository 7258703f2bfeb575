import NVIDIA
import Transfers

/// Something odd about a credential that is used all the same. No case carries a secret.
enum CredentialWarning: Hashable, Sendable {
  /// A key file that others than its owner may read.
  case keyFileReadable(path: String)
  /// Both phases would take this entry for one host, and only one of them can be right.
  case sharedByPhases(host: String, CredentialSource)
  /// The key has the shape of those for the other registry.
  case keyOfOtherPhase(host: String, phase: PhaseCredentials.Phase, looksLike: NVIDIAService)

  var line: Wording {
    switch self {
    case .keyFileReadable(let path):
      "warning: others may read \(path); chmod 600 keeps the key to yourself"
    case .sharedByPhases(let host, let source):
      "warning: \(NoteText.words(for: source)) would serve export and import alike, and \(host) has a key "
        + "for each; FERRY_EXPORT_API_KEY and FERRY_IMPORT_API_KEY keep them apart"
    case .keyOfOtherPhase(let host, let phase, let service):
      "warning: the key for \(host) looks like one for \(service == .dgx ? "the DGX registry" : "NGC"), and "
        + "this is the \(phase.rawValue)"
    }
  }
}
