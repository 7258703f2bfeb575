public import Images
public import Registry
public import Transport

/// Why NVIDIA's REST services did not say what is there. URLs are redacted, and what a service said is fit to
/// be printed and free of the key.
public enum NVIDIAError: Error, Hashable, Sendable {
  /// No answer came.
  case transport(NVIDIAService, TransportError)
  /// 401: the key, or the token made from it, is not accepted.
  case unauthorized(NVIDIAService, url: String, messages: [RegistryMessage])
  /// 403: who asks is known and may not see this.
  case denied(NVIDIAService, url: String, messages: [RegistryMessage])
  case notFound(NVIDIAService, url: String, messages: [RegistryMessage])
  /// Any other refusal.
  case refused(NVIDIAService, url: String, status: Int, messages: [RegistryMessage])
  /// 429 or 5xx, still after all retries.
  case overwhelmed(NVIDIAService, url: String, status: Int)
  /// A redirect, which a request that carries a key does not follow. `to` is the redacted target.
  case redirected(NVIDIAService, url: String, to: String?)
  /// An answer of another form than the service's: a gateway's HTML page, or broken JSON.
  case malformedResponse(NVIDIAService, url: String, Breach)
  /// Both services were asked, in this order, and neither takes the key.
  case noServiceAccepts([Refusal])
  /// A repository that cannot be one of the service's.
  case invalidRepository(NVIDIAService, String)
  /// A service address that is no plain http or https URL.
  case invalidAddress(String, AddressFault)

  /// How an answer breaks the service's form.
  public enum Breach: Hashable, Sendable {
    case json(JSONFault)
    /// A status that is no success, fit to be printed, where a list should be.
    case status(String)
    case noList
    case noToken
  }

  /// Why a text is no service address.
  public enum AddressFault: Hashable, Sendable {
    case notAURL(URLFault?)
    /// A user name or a query stands in it.
    case userOrQuery
  }

  /// One service's answer to a key.
  public struct Refusal: Hashable, Sendable {
    public let service: NVIDIAService
    public let error: NVIDIAError
  }

  /// Whether the other service may be meant: this one does not take who asks, or is on its way out.
  var pointsElsewhere: Bool {
    switch self {
    case .transport(_, .cancelled), .noServiceAccepts, .invalidRepository, .invalidAddress: false
    default: true
    }
  }
}
