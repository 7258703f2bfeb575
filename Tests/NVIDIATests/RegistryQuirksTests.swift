import NVIDIA
import Registry
import Testing

@Suite struct `What is special about NVIDIA's registries` {
  @Test func `is where they send for tokens, and that they choose by the credential`() {
    #expect(
      RegistryQuirks.nvidia()
        == RegistryQuirks(
          hosts: ["nvcr.io"], realmHosts: ["nvcr.io", "registry.nvidia.com", "authn.nvidia.com"],
          choosesByCredential: true))
  }
}
