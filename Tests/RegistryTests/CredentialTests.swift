import Registry
import Testing

@Suite struct `A credential` {
  @Test(arguments: [
    Credential.basic(username: "$oauthtoken", password: "s3cret"),
    Credential.identityToken(username: "u", token: "s3cret"),
  ])
  func `prints no secret`(_ credential: Credential) {
    var dumped = ""
    dump([credential], to: &dumped)
    let configuration = RegistryConfiguration(credential: credential)
    dump(configuration, to: &dumped)
    let texts = [
      "\(credential)", String(reflecting: credential), "\(configuration)", "\([credential])", dumped,
    ]
    #expect(texts.allSatisfy { !$0.contains("s3cret") })
  }
}
