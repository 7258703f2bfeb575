public import Registry

extension RegistryQuirks {
  /// What is special about NVIDIA's registries at `hosts`, which may send for tokens to `realmHosts`. Their proxy chooses
  /// the system behind by the credential, and the legacy one then sends a challenge of its own
  /// (github.com/apptainer/singularity/issues/1159).
  public static func nvidia(
    _ hosts: NVIDIAHosts = .standard, realmHosts: Set<String> = NVIDIAHosts.realmHosts
  ) -> Self {
    Self(hosts: hosts.names, realmHosts: realmHosts, choosesByCredential: true)
  }
}

extension NVIDIAHosts {
  /// The hosts in NVIDIA's challenges: `nvcr.io` today, `registry.nvidia.com` of the legacy system,
  /// `authn.nvidia.com` after a token's end.
  public static let realmHosts: Set<String> = ["nvcr.io", "registry.nvidia.com", "authn.nvidia.com"]
}
