import FoundationEssentials
import Images
import Registry
import Transport

/// Asks one of NVIDIA's REST services. Its requests carry a key or token, so no redirect is followed.
struct RESTClient: Sendable {
  let service: NVIDIAService
  let key: APIKey
  let http: HTTPClient

  /// Descriptions are whole Markdown pages, of hundreds of repositories in one answer, in bytes.
  static let bodyLimit = 8 << 20

  /// The body of a successful answer to who has `secret`, which goes after the word for its scheme.
  func get(_ url: HTTPURL, scheme: String, secret: String) throws(NVIDIAError) -> [UInt8] {
    var request = HTTPRequest(.get, url, followsRedirects: false, bodyLimit: Self.bodyLimit)
    request.headers.set("Authorization", "\(scheme) \(secret)")
    request.headers.set("Accept", "application/json")
    let response: HTTPResponse
    do { response = try http.sendRetrying(request) } catch { throw .transport(service, error) }
    // Another success is not the whole of anything.
    guard response.status == 200 else { throw failure(response, to: url, hiding: secret) }
    return response.body
  }

  /// Decodes a list and checks each of its entries. A list that is absent is an empty one only where the service
  /// says that the request succeeded, and never where the list `isRequired`.
  func list<Reply: CatalogReply>(
    _ reply: Reply.Type, in body: [UInt8], from url: HTTPURL, isRequired: Bool = false
  ) throws(NVIDIAError) -> Listed<Reply.Entry.Element> {
    let reply = try decode(Reply.self, from: body, at: url)
    let status = reply.requestStatus.value()
    if let status, !status.isSuccess {
      throw .malformedResponse(
        service, url: url.description, .status(status.statusCode.cut(to: 64)))
    }
    if reply.elements == nil, isRequired || status == nil {
      throw .malformedResponse(service, url: url.description, .noList)
    }
    var entries: [Reply.Entry.Element] = []
    var skipped: [SkippedEntry] = []
    var known: Set<String> = []
    let skip: (SkippedEntry.Reason) -> SkippedEntry = {
      SkippedEntry(service: service, url: url.description, reason: $0)
    }
    for element in reply.elements ?? [] {
      guard let entry = element.value else {
        skipped.append(skip(.notAnObject))
        continue
      }
      guard let key = entry.key else {
        skipped.append(skip(.nameMissing))
        continue
      }
      guard known.insert(key).inserted else { continue }
      if let element = entry.element(key) {
        entries.append(element)
      } else {
        skipped.append(skip(.nameInvalid(key.printedAsProse(limit: 128))))
      }
    }
    let missing = PaginationInfo.missingPages(reply.paginationInfo, behind: reply.elements?.count ?? 0)
    return Listed(entries: entries, skipped: skipped, missingPages: missing)
  }

  private func decode<Value: Decodable>(
    _ type: Value.Type, from body: [UInt8], at url: HTTPURL
  ) throws(NVIDIAError) -> Value {
    do {
      return try DocumentShape.loose.decode(type, from: body)
    } catch {
      throw .malformedResponse(service, url: url.description, .json(error.jsonFault))
    }
  }

  private func failure(_ response: HTTPResponse, to url: HTTPURL, hiding secret: String) -> NVIDIAError {
    let shown = url.description
    let messages = ServiceMessages.list(in: response.body, hiding: [key.secret, key.encoded, secret])
    switch response.status {
    case 300..<400:
      let target = response.headers["Location"].flatMap { try? url.resolving($0) }
      return .redirected(service, url: shown, to: target?.description)
    case 401: return .unauthorized(service, url: shown, messages: messages)
    case 403: return .denied(service, url: shown, messages: messages)
    case 404: return .notFound(service, url: shown, messages: messages)
    case _ where response.isRetryable:
      return .overwhelmed(service, url: shown, status: response.status)
    default: return .refused(service, url: shown, status: response.status, messages: messages)
    }
  }
}

/// What a service said when it refused.
enum ServiceMessages {
  /// Reads NGC's `requestStatus`, or any form a registry's complaints have. What stands in `secrets` is
  /// taken out first, wherever the service may have repeated it.
  static func list(in body: [UInt8], hiding secrets: [String]) -> [RegistryMessage] {
    let body = body.hiding(secrets)
    if let answer = try? DocumentShape.loose.decode(Answer.self, from: body),
      let code = answer.requestStatus.statusCode.value()
    {
      return [RegistryMessage(code: code, message: answer.requestStatus.statusDescription.value() ?? "")]
    }
    return RegistryMessage.list(in: body)
  }

  private struct Answer: Decodable {
    let requestStatus: RequestStatus
  }

  private struct RequestStatus: Decodable {
    let statusCode: Lenient<String>?
    let statusDescription: Lenient<String>?
  }
}
