import FoundationEssentials

/// Which keys the specifications define where in a JSON document.
///
/// Go's decoder, and with it docker, podman, skopeo and containerd, takes a key for one that is defined when the two
/// differ only in case. What is defined must therefore be spelled as it is defined, and stand there once. In maps of
/// the user's own words, labels and annotations, any two keys are two.
public indirect enum DocumentShape: Sendable {
  /// Of which nothing is defined.
  case anything
  /// What is read for what it says to a person, or by Ferry alone: it is no more than well formed and bounded, and a key
  /// may stand there twice.
  case loose
  /// A number without fraction and exponent: some readers take `1e3` for one, others refuse it.
  case wholeNumber
  /// The same in an entry of a list of which others are read all the same: such a number is the entry's fault.
  case entrysWholeNumber
  case list(DocumentShape)
  case object([String: Member])
  /// An object whose keys are the user's own words, and whose values are of one shape.
  case map(DocumentShape)

  /// A key that is defined.
  public struct Member: Sendable {
    let name: String
    let shape: DocumentShape
    /// Whether another spelling of it alone is refused: where Ferry reads it, and would not see what others see.
    let isSpelledExactly: Bool
  }

  /// An object of which Ferry reads `members`, or of which it must know that others read nothing else, and of which
  /// others read `unread` as well.
  static func object(
    _ members: [String: DocumentShape], unread: [String: DocumentShape] = [:]
  ) -> DocumentShape {
    var byFolding: [String: Member] = [:]
    for (names, isRead) in [(unread, false), (members, true)] {
      for (name, shape) in names {
        byFolding[folded(name) ?? name] = Member(name: name, shape: shape, isSpelledExactly: isRead)
      }
    }
    return .object(byFolding)
  }

  func member(_ key: String) -> Member? {
    guard case .object(let members) = self, let folded = Self.folded(key) else { return nil }
    return members[folded]
  }

  var element: DocumentShape {
    switch self {
    case .list(let element): element
    case .loose: .loose
    default: .anything
    }
  }
  /// The shape of what stands under a key that is not defined.
  var value: DocumentShape { if case .map(let value) = self { value } else { .anything } }
  var isLoose: Bool { if case .loose = self { true } else { false } }
  var isWhole: Bool { if case .wholeNumber = self { true } else { false } }
  var isEntrysWhole: Bool { if case .entrysWholeNumber = self { true } else { false } }

  /// `key` as Go's decoder compares it: by Unicode's simple folding, in which two letters that are not ASCII are an
  /// `s` and a `k`. nil for what is then not ASCII, as no defined key is.
  private static func folded(_ key: String) -> String? {
    var text = ""
    for scalar in key.unicodeScalars {
      switch scalar {
      case "\u{17F}": text.append("s")
      case "\u{212A}": text.append("k")
      case "A"..."Z": text.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value) | 0x20))
      default:
        guard scalar.isASCII else { return nil }
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension DocumentShape {
  /// Sees that `bytes` are one document of one meaning, and no more than `bounds` allow.
  public func check(
    _ bytes: [UInt8], within bounds: DocumentBounds = .usual
  ) throws(DocumentFault) {
    _ = try DocumentScan.measure(bytes, as: self, within: bounds)
  }

  /// Decodes a value of `bytes`, once they are known to say one thing to all readers and to cost no more than `bounds`
  /// allow. All JSON that Ferry reads comes through here. Throws ``DocumentFault`` and `DecodingError`, both of which have
  /// a `jsonFault`.
  public func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], within bounds: DocumentBounds = .usual,
    userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> Value {
    try checked(bytes, within: bounds).decode(type, userInfo: userInfo)
  }

  /// The document that `bytes` are, once they are known to be one of one meaning, and no more than `bounds` allow.
  func checked(
    _ bytes: [UInt8], within bounds: DocumentBounds
  ) throws(DocumentFault) -> CheckedDocument {
    CheckedDocument(bytes, try DocumentScan.measure(bytes, as: self, within: bounds))
  }
}

/// A document that may be decoded, in several ways perhaps.
struct CheckedDocument {
  let measure: DocumentMeasure
  /// With texts in the place of the numbers that a decoder would take for whole ones and are not.
  let bytes: [UInt8]

  fileprivate init(_ bytes: [UInt8], _ measure: DocumentMeasure) {
    var bytes = bytes
    for number in measure.unfit {
      bytes[number.lowerBound] = UInt8(ascii: "\"")
      bytes[number.upperBound - 1] = UInt8(ascii: "\"")
    }
    self.bytes = bytes
    self.measure = measure
  }

  /// Decodes it when there is memory for that (``DocumentMemory``). Throws `DecodingError`.
  func decode<Value: Decodable>(
    _ type: Value.Type, userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> Value {
    try whenThereIsMemory { () throws(any Error) in try Self.decode(type, from: bytes, userInfo: userInfo) }
  }

  /// Runs `body`, which decodes it or parts of it.
  func whenThereIsMemory<Value>(_ body: () throws -> Value) throws -> Value {
    try DocumentMemory.all.reserving(measure.cost, body)
  }

  /// Decodes a part of what was checked.
  static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], userInfo: [CodingUserInfoKey: any Sendable] = [:]
  ) throws -> Value {
    let decoder = JSONDecoder()
    decoder.userInfo = userInfo
    return try unsafe bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return try decoder.decode(type, from: Data()) }
      // The text may have megabytes, and the decoder keeps nothing of it.
      let text = unsafe Data(
        bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: buffer.count, deallocator: .none)
      return try decoder.decode(type, from: text)
    }
  }
}

/// The documents of the OCI image-spec and of Docker's image manifest v2 and image specification.
extension DocumentShape {
  private static let platform = object([
    "architecture": .anything, "os": .anything, "os.version": .anything, "os.features": .anything,
    "variant": .anything, "features": .anything,
  ])

  private static let descriptor = object(descriptorMembers)

  private static let descriptorMembers: [String: DocumentShape] = [
    "mediaType": .anything, "digest": .anything, "size": .wholeNumber, "urls": .anything,
    "annotations": .anything, "data": .anything, "platform": platform, "artifactType": .anything,
  ]

  /// A manifest of whatever kind, or an index: what a document is follows from what it holds, so that a key of
  /// another kind matters as well.
  static let manifest = object(manifestMembers)

  private static let manifestMembers: [String: DocumentShape] = [
    "schemaVersion": .wholeNumber, "mediaType": .anything, "artifactType": .anything, "config": descriptor,
    "layers": .list(descriptor), "blobs": .list(descriptor), "manifests": .list(descriptor),
    "subject": descriptor, "annotations": .anything, "fsLayers": .anything, "history": .anything,
    "signatures": .anything,
  ]

  /// Docker's image manifest of schema 1.
  static let schema1 = object([
    "schemaVersion": .wholeNumber, "name": .anything, "tag": .anything, "architecture": .anything,
    "fsLayers": .list(object(["blobSum": .anything])),
    "history": .list(object(["v1Compatibility": .anything])),
    "signatures": .list(object(["protected": .anything, "header": .anything, "signature": .anything])),
  ])

  /// What a signature of such a manifest says of what it is for.
  static let signedHeader = object([
    "formatLength": .wholeNumber, "formatTail": .anything, "time": .anything,
  ])

  /// What the referrers API answers: an index, or an error in its place.
  public static let referrers = object(manifestMembers.merging(complaints) { member, _ in member })

  /// A list of tags or of repositories, or an error in its place.
  public static let names = object(
    complaints.merging(["tags": .anything, "repositories": .anything]) { member, _ in member },
    unread: ["manifest": .map(.anything)])

  private static let complaints: [String: DocumentShape] = ["errors": .anything, "error": .anything]

  /// What a token server answers.
  public static let token = object(
    ["token": .anything, "access_token": .anything, "expires_in": .anything],
    unread: ["issued_at": .anything, "scope": .anything, "refresh_token": .anything])

  /// What docker and the containers tools keep logins in.
  public static let authFile = object([
    "auths": .map(
      object(
        [
          "auth": .anything, "username": .anything, "password": .anything, "identitytoken": .anything,
          "registrytoken": .anything,
        ], unread: ["email": .anything, "serveraddress": .anything])),
    "credHelpers": .anything, "credsStore": .anything,
  ])

  /// An index, as a manifest.
  public static let index = manifest

  /// `index.json` of an image layout, of which each entry is read by itself.
  public static let imageList = object(
    manifestMembers.merging([
      "manifests": .list(object(descriptorMembers.merging(["size": .entrysWholeNumber]) { $1 }))
    ]) { $1 })

  /// `oci-layout`.
  public static let layout = object(["imageLayoutVersion": .anything])

  /// `manifest.json` of `docker save`.
  public static let dockerManifest = DocumentShape.list(
    object([
      "Config": .anything, "RepoTags": .anything, "Layers": .anything, "Parent": .anything,
      "LayerSources": .anything,
    ]))

  /// What a container is started with. Ferry reads nothing of it; a key that is merely spelled otherwise is
  /// everybody's own, for each reader takes it as it always has.
  private static let execution = object(
    [:],
    unread: [
      "Hostname": .anything, "Domainname": .anything, "User": .anything, "AttachStdin": .anything,
      "AttachStdout": .anything, "AttachStderr": .anything, "ExposedPorts": .anything, "Tty": .anything,
      "OpenStdin": .anything, "StdinOnce": .anything, "Env": .anything, "Cmd": .anything,
      "Healthcheck": object(
        [:],
        unread: [
          "Test": .anything, "Interval": .anything, "Timeout": .anything, "StartPeriod": .anything,
          "StartInterval": .anything, "Retries": .anything,
        ]),
      "ArgsEscaped": .anything, "Image": .anything, "Volumes": .anything, "WorkingDir": .anything,
      "Entrypoint": .anything, "NetworkDisabled": .anything, "MacAddress": .anything, "OnBuild": .anything,
      "Labels": .anything, "StopSignal": .anything, "StopTimeout": .anything, "Shell": .anything,
      "Memory": .anything, "MemorySwap": .anything, "CpuShares": .anything,
    ])

  /// An image's configuration. Exact is what says which layers it has, against which Ferry holds the manifest.
  static let imageConfig = object(
    [
      "rootfs": object(["type": .anything, "diff_ids": .anything]),
      "history": .list(
        object(
          ["empty_layer": .anything],
          unread: [
            "created": .anything, "author": .anything, "created_by": .anything, "comment": .anything,
          ])),
    ],
    unread: [
      "created": .anything, "author": .anything, "architecture": .anything, "os": .anything,
      "os.version": .anything, "os.features": .anything, "variant": .anything, "config": execution,
      "id": .anything, "parent": .anything, "comment": .anything, "container": .anything,
      "container_config": execution, "docker_version": .anything, "Size": .anything,
    ])
}
