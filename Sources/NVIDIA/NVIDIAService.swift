/// The two registries behind NVIDIA's one host name. Which of them answers depends on the key.
public enum NVIDIAService: String, Hashable, Sendable, CaseIterable {
  /// The legacy DGX registry of compute.nvidia.com.
  case dgx
  /// NGC private registries.
  case ngc
}
