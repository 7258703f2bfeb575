/// One thing that goes wrong on the way to a registry, as data: what, on which requests, how often.
public struct GatewayFault: Sendable {
  public enum Effect: Hashable, Sendable {
    /// The gateway answers by itself, once it has read the request.
    case answer(Int, headers: [String: String] = [:], body: String = "")
    /// The registry did what it was asked; its answer never arrives.
    case loseAnswer

    /// The connection ends in order after so many bytes of the answer's body.
    case cutAnswer(after: Int)
    /// The connection ends with RST after so many bytes of the answer's body.
    case resetAnswer(after: Int)
    /// Nothing moves after so many bytes of the answer's body, until the client goes away; the connection ends
    /// when the gateway's faults are cleared.
    case stallAnswer(after: Int)
    /// The answer declares and has only so many bytes.
    case truncateAnswer(to: Int)
    /// One bit of the answer's body is wrong, at this place in it.
    case corruptAnswer(at: Int)
    /// The answer's body comes this slowly.
    case slowAnswer(bytesPerSecond: Int)

    /// The registry never hears of the `Range`, and sends all.
    case ignoreRange
    /// `Content-Range` speaks of another place than the one whose bytes follow.
    case misdeclareRange(by: Int)
    /// `Content-Range` is the one asked for; the bytes are from so many bytes further on.
    case misplaceRange(by: Int)

    /// The connection ends in order, on both sides, after so many bytes of the request's body.
    case cutRequest(after: Int)
    /// The connection ends with RST after so many bytes of the request's body.
    case resetRequest(after: Int)
    /// Nothing is read after so many bytes of the request's body, until the client goes away; the connection
    /// ends when the gateway's faults are cleared.
    case stallRequest(after: Int)
    /// One bit of the request's body is wrong, at this place in it.
    case corruptRequest(at: Int)
    /// The request's body is taken this slowly.
    case slowRequest(bytesPerSecond: Int)

    /// The registry gives up the upload just before the request for it arrives.
    case forgetUpload
    /// The registry does not see who asks: a token has expired.
    case dropAuthorization
  }

  /// The requests a fault may strike.
  public struct Target: Hashable, Sendable {
    /// Empty: all.
    public var methods: Set<String>
    /// What stands in the path.
    public var path: String
    /// The smallest request body, in bytes, that is struck.
    public var leastBody: Int

    public init(methods: Set<String> = [], path: String = "", leastBody: Int = 0) {
      self.methods = methods
      self.path = path
      self.leastBody = leastBody
    }

    /// The bytes of configs and layers on their way from the registry.
    public static let pulledBlob = Self(methods: ["GET"], path: "/blobs/sha256:")
    public static let pulledManifest = Self(methods: ["GET"], path: "/manifests/")
    /// The opening of an upload.
    public static let openedUpload = Self(methods: ["POST"], path: "/blobs/uploads/")
    /// The requests that carry bytes to the registry.
    public static let pushedBytes = Self(methods: ["PATCH", "PUT"], path: "/blobs/uploads/", leastBody: 1)
    /// The requests that end uploads, with or without bytes.
    public static let closedUpload = Self(methods: ["PUT"], path: "/blobs/uploads/")
    /// The question how far an upload has come.
    public static let uploadStatus = Self(methods: ["GET"], path: "/blobs/uploads/")
    public static let pushedManifest = Self(methods: ["PUT"], path: "/manifests/")
    public static let all = Self()

    /// This target, where the request's body has at least so many bytes.
    public func carrying(atLeast bytes: Int) -> Self {
      var target = self
      target.leastBody = bytes
      return target
    }

    /// This target, for the blob or the repository whose digest or name is `part`.
    public func naming(_ part: String) -> Self {
      var target = self
      target.path = part
      return target
    }

    func includes(_ head: WireHead) -> Bool {
      (methods.isEmpty || methods.contains(head.method)) && (path.isEmpty || head.target.contains(path))
        && (leastBody == 0 || head.bodyLength >= leastBody)
    }
  }

  public var effect: Effect
  public var target: Target
  /// How many requests of the target pass unharmed first.
  public var skipping: Int
  /// How many it strikes then.
  public var times: Int

  public init(_ effect: Effect, on target: Target, skipping: Int = 0, times: Int = 1) {
    self.effect = effect
    self.target = target
    self.skipping = skipping
    self.times = times
  }

  /// Strikes every request of the target.
  public static func always(_ effect: Effect, on target: Target) -> Self {
    Self(effect, on: target, times: .max)
  }
}
