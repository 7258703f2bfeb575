public import Digests
import Transport

extension RegistryClient {
  /// Whether a repository has a blob; one of another size than `size` does not count. `isForPush` asks as one
  /// who is about to push there.
  public func hasBlob(
    _ digest: Digest, size: Int64?, in repository: String, isForPush: Bool = false
  ) throws(RegistryError) -> Bool {
    let item = Errand.Item.blob(digest)
    let errand =
      isForPush ? Errand.looking(for: item, in: repository) : Errand.pulling(item, from: repository)
    let request = HTTPRequest(.head, try url(repository, "blobs/\(digest)"))
    let response = try exchange(request, for: errand)
    switch response.status {
    case 200:
      guard let size, let length = response.headers["Content-Length"] else { return true }
      return length == String(size)
    case 404: return false
    // A storage host that signs its URLs for GET alone does not answer HEAD.
    case 400..<500 where !response.url.hasSameOrigin(as: try root) && !response.isRetryable: return false
    default: throw failure(response, for: errand)
    }
  }
}
