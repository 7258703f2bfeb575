import Digests
import Testing

@testable import Registry

/// Registries say the same things by different statuses, and different things by the same.
@Suite struct `A registry that does not take what it is sent` {
  private static let tag = Purpose.Item.manifest("1.0")
  private static let digest = Purpose.Item.manifest("\(Digest(of: [1]))")
  private static let blob = Purpose.Item.blob(Digest(of: [1]))

  @Test(arguments: [
    // Harbor, Quay, GitLab, ACR, Google.
    (
      403, "DENIED",
      "adding 3.0 MiB of storage resource, which when updated to current usage of 9.1 MiB will exceed the configured upper limit of 10.0 MiB."
    ),
    (412, "PRECONDITION", "Quota exceeded when processing the request of adding 1 of artifact resource"),
    (403, "DENIED", "Quota has been exceeded on namespace"),
    (403, "QUOTA_EXCEEDED", ""),
    (403, "DENIED", "Your action has been rejected because the namespace storage limit has been reached."),
    (403, "DENIED", "The registry has exceeded its storage limit of 10 GiB"),
    (429, "TOOMANYREQUESTS", "Storage quota exceeded for this project"),
    (413, "", "the quota of the project is used up"),
    // AWS, a disk that is full under distribution, others.
    (400, "LimitExceededException", "The operation would have exceeded the limit of images per repository"),
    (500, "UNKNOWN", "unknown error: write /var/lib/registry: no space left on device"),
    (500, "UNKNOWN", "DriverName=filesystem, Enclosed=Err=28, Op=mkdir"),
    (507, "", "Insufficient Storage: quota"),
  ]) func `is full by its own words`(_ status: Int, _ code: String, _ text: String) {
    let messages = [RegistryMessage(code: code, message: text)]
    for item in [Self.tag, Self.digest, Self.blob, .none] {
      #expect(RefusedWrite(status: status, messages, to: item) == .quota)
    }
  }

  @Test(arguments: [
    (
      429, "TOOMANYREQUESTS",
      "Quota exceeded for quota metric 'Requests per project per region' and limit 'Requests per project per region per minute'"
    ),
    (429, "TOOMANYREQUESTS", "You have reached your pull rate limit"),
    (429, "TOOMANYREQUESTS", "Rate exceeded"),
    (403, "RequestLimitExceeded", "too many requests"),
    (403, "DENIED", "requested access to the resource is denied"),
    (403, "DENIED", "your account is locked"),
    (403, "DENIED", "the image is blocked by policy: clock skew"),
    (400, "MANIFEST_INVALID", "manifest invalid"),
    (404, "NAME_UNKNOWN", "The repository does not exist"),
    (401, "UNAUTHORIZED", "quota"),
    (500, "UNKNOWN", "unknown error"), (503, "", ""), (429, "", ""), (400, "", ""),
  ]) func `says something else`(_ status: Int, _ code: String, _ text: String) {
    let messages = [RegistryMessage(code: code, message: text)]
    for item in [Self.tag, Self.digest, Self.blob, .none] {
      #expect(RefusedWrite(status: status, messages, to: item) == nil)
    }
  }

  @Test(arguments: [
    // ECR with the specification's code, and with AWS's.
    (
      400, "TAG_INVALID",
      "The image tag '1.0' already exists in the 'a' repository and cannot be overwritten because the repository is immutable."
    ),
    (400, "ImageTagAlreadyExistsException", "The image tag already exists"),
    (403, "ImageTagAlreadyExistsException", ""),
    (409, "ImageTagAlreadyExistsException", ""), (412, "ImageTagAlreadyExistsException", ""),
    // Harbor, Google, ACR, Quay, Nexus.
    (412, "PRECONDITION", "Failed to process request due to 'app:1.0' configured as immutable."),
    (400, "MANIFEST_INVALID", "cannot update tag 1.0. The repository has enabled tag immutability"),
    (403, "DENIED", "The tag is immutable"),
    (405, "UNSUPPORTED", "The operation is disallowed on this registry, repository or image."),
    (403, "DENIED", "The image has a write lock"), (403, "DENIED", "repository is locked"),
    (409, "TAG_IMMUTABLE", ""), (400, "UNKNOWN", "Repository does not allow updating assets: docker-hosted"),
    (409, "TAG_ALREADY_EXISTS", ""), (400, "TAG_INVALID", ""), (412, "", ""), (409, "", ""), (423, "", ""),
  ]) func `has an immutable tag there`(_ status: Int, _ code: String, _ text: String) {
    #expect(
      RefusedWrite(status: status, [RegistryMessage(code: code, message: text)], to: Self.tag) == .immutable)
  }

  @Test func `means by a bare status what it can mean of a manifest, a tag and a blob`() {
    #expect(RefusedWrite(status: 409, [], to: Self.digest) == nil)
    #expect(RefusedWrite(status: 412, [], to: Self.blob) == nil)
    #expect(RefusedWrite(status: 413, [], to: Self.tag) == .manifestTooLarge)
    #expect(RefusedWrite(status: 413, [], to: Self.digest) == .manifestTooLarge)
    let large = [RegistryMessage(code: "MANIFEST_INVALID", message: "http: request body too large")]
    #expect(RefusedWrite(status: 400, large, to: Self.digest) == .manifestTooLarge)
    for item in [Self.blob, .none] { #expect(RefusedWrite(status: 413, [], to: item) == .byStatus) }
    for item in [Self.tag, Self.blob] {
      #expect(RefusedWrite(status: 405, [], to: item) == .byStatus)
      #expect(RefusedWrite(status: 507, [], to: item) == .byStatus)
      #expect(RefusedWrite(status: 201, [RegistryMessage(code: "", message: "quota")], to: item) == nil)
    }
  }
}
