/// The registry hosts that are NVIDIA's, where DGX and NGC share one name.
public struct NVIDIAHosts: Hashable, Sendable {
  /// With or without a port: without, any port is meant.
  public let names: Set<String>

  /// `nvcr.io` alone.
  public static let standard = Self(names: ["nvcr.io"])

  public init(names: Set<String>) {
    self.names = Set(names.map { $0.lowercased() })
  }

  /// Whether `host`, as it stands in a reference, is one of them.
  public func contains(_ host: String) -> Bool {
    let host = host.lowercased()
    if names.contains(host) { return true }
    guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return false }
    return names.contains(String(host[..<colon]))
  }
}
