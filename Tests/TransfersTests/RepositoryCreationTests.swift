import Registry
import Testing
import Transfers

@Suite struct `What makes a repository` {
  private func creation(_ host: String, _ repository: String = "acme/team/app", _ word: String = "")
    -> RepositoryCreation?
  {
    RepositoryCreation(
      host: host, repository: repository, messages: [RegistryMessage(code: "NAME_UNKNOWN", message: word)],
      user: "me")
  }

  @Test(arguments: [
    ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
    ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("123456789012.dkr-ecr.us-east-2.on.aws", "us-east-2"),
    ("123456789012.dkr-ecr-fips.us-east-2.on.aws:443", "us-east-2"),
  ])
  func `at ECR is told by the host's name`(host: String, region: String) {
    #expect(
      creation(host) == .ecr(account: "123456789012", region: region, repository: "acme/team/app"))
  }

  @Test(arguments: [
    "12345678901.dkr.ecr.eu-west-1.amazonaws.com",
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
    "123456789012.dkr.ecr.a.b.amazonaws.com", "123456789012.dkr.ecr.amazonaws.com", "registry.example",
    "x.gcr.io", "docker.pkg.dev", "amazonaws.com", "",
  ])
  func `is not told by other names`(host: String) {
    #expect(creation(host) == nil)
  }

  @Test func `at ECR's public gallery lies below the alias`() {
    #expect(creation("public.ecr.aws") == .publicECR(repository: "team/app"))
    #expect(creation("public.ecr.aws", "app") == nil)
  }

  @Test(arguments: [
    ("europe-west1-docker.pkg.dev", "acme/team/app", "acme", "europe-west1", "team"),
    ("us-docker.pkg.dev", "example.com/acme/team/app", "example.com:acme", "us", "team"),
    ("eu.gcr.io", "acme/team/app", "acme", "europe", "eu.gcr.io"),
    ("gcr.io", "example.com/acme/app", "example.com:acme", "us", "gcr.io"),
  ])
  func `at Google's registries is below a project, in a place`(
    host: String, name: String, project: String, location: String, repository: String
  ) {
    #expect(
      creation(host, name)
        == .artifactRegistry(project: project, location: location, repository: repository))
  }

  @Test func `at Google's registry is nothing for a name that is too short`() {
    #expect(creation("us-docker.pkg.dev", "acme") == nil)
    #expect(creation("us-docker.pkg.dev", "example.com/acme") == nil)
  }

  @Test(arguments: ["project acme not found", "project not found, name: acme"])
  func `at Harbor is told by its words`(word: String) {
    #expect(
      creation("h.example:8443", "acme/app", word)
        == .harborProject(registry: "https://h.example:8443", project: "acme", user: "me"))
  }
}
