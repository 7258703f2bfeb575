import TestSupport
import Testing
import Transport

@testable import NVIDIA

@Suite(.waiting) struct `The services' addresses` {
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

@Suite(.waiting) struct `A REST service that asks to wait` {
  @Test func `is waited for as registries are, and no longer`() throws {
    let count = Counter()
    let patient = ScriptedServer { _ in
      count.next() == 0
        ? ScriptedResponse(429, headers: [("Retry-After", "1")]) : ScriptedResponse(text: "{}")
    }
    let key = try apiKey(Keys.dgx)
    let url = try HTTPURL(patient.url())
    let client = RESTClient(service: .dgx, key: key, http: try client())
    #expect(try client.get(url, scheme: "Bearer", secret: "s") == Array("{}".utf8))

    let stubborn = scripted(ScriptedResponse(429, headers: [("Retry-After", "3600")]))
    let error = #expect(throws: NVIDIAError.self) {
      try client.get(HTTPURL(stubborn.url()), scheme: "Bearer", secret: "s")
    }
    guard case .transport(.dgx, .waitTooLong(stubborn.host, _, 3600, _)) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(stubborn.requests.count == 1)
  }
}
