import Foundation

/// Tags, manifests and blobs.
extension StageScene {
  func tags(_ call: Call, _ state: StageState) -> StageReply {
    guard let repository = state.content[call.backEnd]?[call.repository] else {
      return .error(404, "NAME_UNKNOWN", "repository name not known to registry")
    }
    let last = call.request.queryValue("last")
    let names = repository.tags.keys.sorted().filter { $0 > last ?? "" }
    let size = min(call.request.queryValue("n").flatMap { Int($0) } ?? .max, state.behaviour.pageSize)
    let page = Array(names.prefix(size))
    var headers: [(String, String)] = []
    if page.count < names.count, let end = page.last {
      headers = [("Link", "</v2/\(call.repository)/tags/list?last=\(end)&n=\(size)>; rel=\"next\"")]
    }
    return .json(["name": call.repository, "tags": page] as [String: Any], headers: headers)
  }

  func manifest(_ call: Call, _ state: inout StageState) -> StageReply {
    if call.request.method == "PUT" { return putManifest(call, &state) }
    guard let (digest, manifest) = state.content[call.backEnd]?[call.repository]?.manifest(call.rest) else {
      return .error(404, "MANIFEST_UNKNOWN", "manifest unknown")
    }
    return StageReply(
      200, headers: [("Content-Type", manifest.mediaType), ("Docker-Content-Digest", digest)],
      body: manifest.bytes)
  }

  private func putManifest(_ call: Call, _ state: inout StageState) -> StageReply {
    let manifest = StageRepository.Manifest(
      bytes: call.request.body, mediaType: call.request.header("Content-Type") ?? "")
    guard !manifest.isSchema1 else {
      return .error(400, "MANIFEST_INVALID", "unsupported manifest media type \(manifest.mediaType)")
    }
    var repository = state.content[call.backEnd]?[call.repository] ?? StageRepository()
    if let missing = repository.missing(below: manifest) {
      return .error(400, "MANIFEST_BLOB_UNKNOWN", "unknown: \(missing)")
    }
    let digest = manifest.digest
    guard !call.rest.contains(":") || call.rest == digest else { return .error(400, "DIGEST_INVALID") }
    repository.put(manifest, as: call.rest)
    state.content[call.backEnd, default: [:]][call.repository] = repository
    return StageReply(
      201,
      headers: [
        ("Location", "/v2/\(call.repository)/manifests/\(digest)"), ("Docker-Content-Digest", digest),
      ])
  }

  func blob(_ call: Call, _ state: inout StageState) -> StageReply {
    guard let bytes = state.content[call.backEnd]?[call.repository]?.blobs[call.rest] else {
      return .error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    }
    let headers = [("Docker-Content-Digest", call.rest)]
    guard call.request.method == "GET", state.behaviour.redirectsBlobs else {
      return Self.ranged(bytes, call.request, headers)
    }
    let signature = state.fresh("signature-")
    state.signed[signature] = StageState.SignedBlob(bytes: bytes)
    let location = url(.cdn, "/blobs/\(call.rest.dropFirst(7))?X-Expires=600&X-Signature=\(signature)")
    return StageReply(state.behaviour.redirectStatus, headers: [("Location", location)])
  }

  /// The host of blobs: the signature is the credential, and any other is an error.
  func cdn(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    guard request.header("Authorization") == nil else {
      return StageReply(400, body: Array("<Error><Code>InvalidArgument</Code></Error>".utf8))
    }
    guard let signature = request.queryValue("X-Signature"), var blob = state.signed[signature],
      blob.uses < state.behaviour.signatureUses ?? .max
    else { return StageReply(403, body: Array("<Error><Code>AccessDenied</Code></Error>".utf8)) }
    blob.uses += 1
    state.signed[signature] = blob
    return Self.ranged(blob.bytes, request, [])
  }

  /// The bytes, or the part a `Range: bytes=from-[to]` names.
  private static func ranged(
    _ bytes: [UInt8], _ request: ScriptedRequest, _ headers: [(String, String)]
  ) -> StageReply {
    let headers = headers + [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")]
    guard let range = request.header("Range"), range.hasPrefix("bytes=") else {
      return StageReply(200, headers: headers, body: bytes)
    }
    let ends = range.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard let first = Int(ends[0]), first < bytes.count else {
      return StageReply(416, headers: [("Content-Range", "bytes */\(bytes.count)")])
    }
    let last = min(ends.count > 1 ? Int(ends[1]) ?? .max : .max, bytes.count - 1)
    guard first <= last else { return StageReply(416) }
    return StageReply(
      206, headers: headers + [("Content-Range", "bytes \(first)-\(last)/\(bytes.count)")],
      body: Array(bytes[first...last]))
  }
}
