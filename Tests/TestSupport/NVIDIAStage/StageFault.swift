/// Something that goes wrong, or another way, at one site.
public struct StageFault: Sendable {
  public enum Action: Sendable {
    /// Answers this and does nothing else.
    case answer(ScriptedResponse)
    /// Answers as always, and ends the connection after so many bytes of the body.
    case cut(after: Int)
    /// Answers as always.
    case pass
  }

  public let site: NVIDIAStage.Site
  /// nil for any.
  public let method: String?
  /// What the request's target must hold.
  public let matching: String
  public let action: Action
  /// Whether every token ends with it.
  public let expiresTokens: Bool
  /// How often it happens.
  var times: Int

  public init(
    _ action: Action, at site: NVIDIAStage.Site, method: String? = nil, matching: String = "/",
    expiringTokens: Bool = false, times: Int = 1
  ) {
    self.action = action
    self.site = site
    self.method = method
    self.matching = matching
    self.expiresTokens = expiringTokens
    self.times = times
  }

  func matches(_ request: ScriptedRequest, at site: NVIDIAStage.Site) -> Bool {
    times > 0 && site == self.site && (method ?? request.method) == request.method
      && request.target.contains(matching)
  }
}
