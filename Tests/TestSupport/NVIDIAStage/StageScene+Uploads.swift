import Foundation

/// Uploads: POST, PATCH, PUT, their state and their cancellation, and mounts across repositories.
extension StageScene {
  func upload(_ call: Call, _ state: inout StageState) -> StageReply {
    if call.request.method == "POST" { return start(call, &state) }
    guard var upload = state.uploads[call.rest], upload.repository == call.repository else {
      return .error(404, "BLOB_UPLOAD_UNKNOWN")
    }
    switch call.request.method {
    case "PATCH":
      let start = call.request.header("Content-Range").flatMap { Int($0.prefix { $0 != "-" }) }
      guard start ?? upload.bytes.count == upload.bytes.count else {
        return StageReply(416, headers: Self.progress(call.repository, call.rest, upload.bytes.count))
      }
      guard append(call.request, to: &upload) else { return Self.page(413) }
      state.uploads[call.rest] = upload
      return StageReply(202, headers: Self.progress(call.repository, call.rest, upload.bytes.count))
    case "PUT":
      guard append(call.request, to: &upload) else { return Self.page(413) }
      state.uploads[call.rest] = nil
      return commit(upload.bytes, call, &state)
    case "GET":
      return StageReply(204, headers: Self.progress(call.repository, call.rest, upload.bytes.count))
    case "DELETE":
      state.uploads[call.rest] = nil
      return StageReply(204)
    default: return .error(405, "UNSUPPORTED")
    }
  }

  private func start(_ call: Call, _ state: inout StageState) -> StageReply {
    if let digest = call.request.queryValue("mount"), let from = call.request.queryValue("from"),
      state.behaviour.mounts, let source = state.content[call.backEnd]?[from],
      let bytes = source.blobs[digest],
      call.account?.access(to: from, isPublic: source.isPublic) != StageAccount.Access.none
    {
      state.content[call.backEnd, default: [:]][call.repository, default: .init()].blobs[digest] = bytes
      return Self.created(digest, call.repository)
    }
    if call.request.queryValue("digest") != nil { return commit(call.request.body, call, &state) }
    let id = state.fresh("upload-")
    state.uploads[id] = StageState.Upload(repository: call.repository)
    return StageReply(202, headers: Self.progress(call.repository, id, 0))
  }

  /// False when the server did not keep the whole body.
  private func append(_ request: ScriptedRequest, to upload: inout StageState.Upload) -> Bool {
    upload.bytes += request.body
    return request.body.count == request.bodyLength
  }

  private func commit(_ bytes: [UInt8], _ call: Call, _ state: inout StageState) -> StageReply {
    let digest = StagedImage.digest(of: bytes)
    guard call.request.queryValue("digest") == digest else {
      return .error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    }
    state.content[call.backEnd, default: [:]][call.repository, default: .init()].blobs[digest] = bytes
    return Self.created(digest, call.repository)
  }

  private static func created(_ digest: String, _ repository: String) -> StageReply {
    StageReply(
      201,
      headers: [("Location", "/v2/\(repository)/blobs/\(digest)"), ("Docker-Content-Digest", digest)])
  }

  private static func progress(_ repository: String, _ id: String, _ count: Int) -> [(String, String)] {
    [
      ("Location", "/v2/\(repository)/blobs/uploads/\(id)?_state=\(id)"), ("Docker-Upload-UUID", id),
      ("Range", "0-\(max(count - 1, 0))"),
    ]
  }
}
