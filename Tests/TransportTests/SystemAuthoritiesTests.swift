import Testing

@testable import Transport

struct `The system's certificate authorities` {
  /// Debian, Red Hat, SUSE, Alpine.
  @Test(arguments: [
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
  ])
  func `are found where each family of distributions keeps them`(place: String) {
    #expect(SystemAuthorities.choose(own: nil) { $0 == place } == place)
    #expect(SystemAuthorities.choose(own: "/not/here.pem") { $0 == place } == place)
  }

  @Test func `are those that libcurl was built for, where they are there`() {
    #expect(SystemAuthorities.choose(own: "/own.pem") { _ in true } == "/own.pem")
  }

  @Test func `are none where there are none`() {
    #expect(SystemAuthorities.choose(own: nil) { _ in false } == nil)
    #expect(SystemAuthorities.choose(own: "/own.pem") { _ in false } == nil)
  }
}
