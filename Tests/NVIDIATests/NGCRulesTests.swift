import Testing

@testable import NVIDIA

@Suite struct `NGC's names` {
  @Test(arguments: [
    ("acme/trainer", nil), ("acme/vision/trainer", nil),
    ("trainer", NGCNameProblem.withoutOrganization),
    ("acme/vision/deep/trainer", .tooDeep(components: 4)),
    ("acme/Trainer", .notAName), ("", .notAName), ("acme//x", .notAName),
  ])
  func `have an organisation, perhaps a team, and a repository`(_ name: String, _ problem: NGCNameProblem?) {
    #expect(NGCRules.problem(with: name) == problem)
  }

  @Test(arguments: [
    ("olddept/trainer", "trainer"), ("olddept_vision/trainer", "vision/trainer"),
    ("olddept_vision_two/a/b", "vision_two/a/b"), ("olddept__vision/x", "vision/x"),
    ("olddept_/x", "x"), ("lonely", "lonely"),
  ])
  func `come from DGX spaces by default`(_ dgx: String, _ ngc: String) {
    #expect(DGXSpace.nameOnNGC(for: dgx) == ngc)
  }

  @Test func `that are denied have remedies, the likeliest first`() {
    #expect(
      NGCRemedy.forDeniedRepository("acme/vision/x", key: .nvapi) == [
        .checkOrganization("acme"), .createTeam(organization: "acme", team: "vision"),
        .enablePrivateRegistry,
      ])
    #expect(NGCRemedy.forDeniedRepository("acme/x", key: .ngcLegacy) == [.checkOrganization("acme")])
    #expect(NGCRemedy.forRefusedKey(.nvapi) == [.renewPersonalKey, .enablePrivateRegistry])
    #expect(NGCRemedy.forRefusedKey(.dgx).first == .useNGCKey)
    #expect(NGCRemedy.forRefusedKey(.ngcLegacy) == [.useNewestLegacyKey])
  }
}
