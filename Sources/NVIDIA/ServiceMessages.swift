import FoundationEssentials
import Registry

/// What a service said when it refused.
enum ServiceMessages {
  /// Reads NGC's `requestStatus`, or any form a registry's complaints have. What stands in `secrets` is
  /// taken out first, wherever the service may have repeated it.
  static func list(in body: [UInt8], hiding secrets: [String]) -> [RegistryMessage] {
    let body = body.hiding(secrets)
    if let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)),
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
