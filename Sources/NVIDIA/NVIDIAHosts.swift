/// The registry hosts that are NVIDIA's, where DGX and NGC share one name.
public struct NVIDIAHosts: Hashable, Sendable {
  public let names: Set<String>

  /// `nvcr.io` alone.
  public static let standard = Self(names: ["nvcr.io"])

  public init(names: Set<String>) {
    self.names = Set(names.map { $0.lowercased() })
  }

  public func contains(_ host: String) -> Bool { names.contains(host.lowercased()) }
}
