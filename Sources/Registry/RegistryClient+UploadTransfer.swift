import Digests
import Images
import Transport

extension RegistryClient {
  /// Sends a blob's bytes and closes its upload. Throws what is final, after cancelling the upload.
  func send(
    _ held: inout HeldBackSource<some BlobSource>, through upload: inout BlobUpload
  ) throws -> BlobUpload.Outcome {
    do {
      guard upload.byPatch else {
        return try judge(deliver(&held, by: .put, to: upload.closing, upload), upload)
      }
      if upload.descriptor.size > 0 {
        let response = try deliver(&held, by: .patch, to: upload.location, upload)
        guard response.isSuccess else { return try judge(response, upload) }
        upload.location = try location(response, else: upload.location)
      }
      return try judge(close(upload), upload)
    } catch let error as TransportError {
      guard http.isWorthRetrying(error, to: upload.location) else { throw RegistryError.transport(error) }
      return .failed(.transport(error), retryAfter: nil)
    } catch {
      cancel(upload.location, for: upload.errand)
      switch error {
      case let error as DigestError: throw wrongContent(error, upload.descriptor.digest, upload.repository)
      case let error as CallerError: throw error.error
      default: throw error
      }
    }
  }

  /// Streams the bytes in one request, past the registry's challenges.
  private func deliver(
    _ held: inout HeldBackSource<some BlobSource>, by method: HTTPMethod, to url: HTTPURL,
    _ upload: BlobUpload
  ) throws -> HTTPResponse {
    let size = upload.descriptor.size
    var request = HTTPRequest(method, url)
    request.headers.set("Content-Type", "application/octet-stream")
    if method == .patch { request.headers.set("Content-Range", "0-\(size - 1)") }
    var authentication = try authentication(for: upload.errand)
    while true {
      let authorized = try authentication.authorize(request)
      let response = try unsafe http.transmit(authorized, size: size) { unsafe try held.fill($0) }
      guard try authentication.answer(response) else { return try checked(response, authentication, upload) }
      held.restart()
    }
  }

  /// The PUT that ends an upload whose bytes are there.
  private func close(_ upload: BlobUpload) throws -> HTTPResponse {
    var authentication = try authentication(for: upload.errand)
    while true {
      let response = try http.send(authentication.authorize(HTTPRequest(.put, upload.closing)))
      guard try authentication.answer(response) else { return try checked(response, authentication, upload) }
    }
  }

  private func checked(
    _ response: HTTPResponse, _ authentication: RequestAuthentication, _ upload: BlobUpload
  ) throws(RegistryError) -> HTTPResponse {
    guard response.status != 401 else {
      throw failure(response, for: upload.errand, refusals: authentication.refusals)
    }
    return response
  }

  /// What the last answer of an upload means.
  private func judge(_ response: HTTPResponse, _ upload: BlobUpload) throws(RegistryError)
    -> BlobUpload.Outcome
  {
    let digest = upload.descriptor.digest
    switch response.status {
    case 200, 201, 204:
      if let stored = response.headers["Docker-Content-Digest"].flatMap({ try? Digest($0) }), stored != digest
      {
        throw .destinationDigestDiffers(
          repository: upload.repository, identifier: digest.description, expected: digest, actual: stored)
      }
      return .stored
    case _ where response.isRetryable:
      return .failed(failure(response, for: upload.errand), retryAfter: response.retryAfter)
    default: break
    }
    let codes = Set(RegistryMessage.list(in: response.body).map(\.code))
    let isForgotten = !codes.isDisjoint(with: BlobUpload.forgottenCodes)
    let error = failure(response, for: upload.errand)
    guard upload.byPatch else {
      let isRefusal = BlobUpload.refusals.contains(response.status)
      guard isRefusal, codes.isDisjoint(with: BlobUpload.finalCodes) else { throw error }
      return .refusedWhole(isForgotten: isForgotten)
    }
    guard isForgotten else { throw error }
    return .failed(error, retryAfter: nil)
  }
}
