import Testing
import Transport

@testable import NVIDIA

@Suite struct `The services' addresses` {
  @Test func `are NVIDIA's unless told otherwise`() throws {
    let services = try NVIDIAServices()
    #expect(services.dgxAPI.full == "https://compute.nvidia.com/")
    #expect(services.ngcAPI.full == "https://api.ngc.nvidia.com/")
    #expect(services.ngcAuthn.full == "https://authn.nvidia.com/")
  }

  @Test(arguments: ["", "ftp://x.y", "https://me:secret@host/", "https://host/?key=secret", "no url"])
  func `are base addresses and nothing else`(_ text: String) throws {
    let error = try #require(throws: NVIDIAError.self) { try NVIDIAServices(ngcAPI: text) }
    guard case .invalidAddress = error else {
      Issue.record("\(error)")
      return
    }
    #expect(!"\(error)".contains("secret"))
  }
}
