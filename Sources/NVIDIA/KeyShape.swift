/// What a key looks like. Good for warnings and for whom to ask first, never to decide what a key is:
/// NVIDIA's own tool took every key of 40 characters for a DGX key and failed people by it
/// (ngc-container-replicator issue #15).
public enum KeyShape: Hashable, Sendable, CaseIterable {
  /// 40 characters: DGX keys have that length.
  case dgx
  /// `nvapi-…`: an NGC personal or service key.
  case nvapi
  /// 84 characters of base64: NGC's legacy keys.
  case ngcLegacy
  case unknown

  /// What `text` looks like.
  public init(of text: String) {
    let isWord = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="),
        UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    self =
      switch text.utf8.count {
      case _ where !isWord: .unknown
      case _ where text.hasPrefix("nvapi-"): .nvapi
      case 40: .dgx
      case 84: .ngcLegacy
      default: .unknown
      }
  }

  /// The service such a key is most likely for.
  public var suggests: NVIDIAService? {
    switch self {
    case .dgx: .dgx
    case .nvapi, .ngcLegacy: .ngc
    case .unknown: nil
    }
  }
}
