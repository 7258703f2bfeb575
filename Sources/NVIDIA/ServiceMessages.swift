import FoundationEssentials
import Registry

/// What a service said when it refused.
enum ServiceMessages {
  /// No complaint is longer, in bytes; a whole page of HTML is read for its first words.
  private static let longest = 64 << 10

  /// Reads NGC's `requestStatus`, or any form a registry's complaints have. What stands in `secrets` is
  /// taken out first, wherever the service may have repeated it.
  static func list(in body: [UInt8], hiding secrets: [String]) -> [RegistryMessage] {
    var text = String(decoding: body.prefix(longest), as: UTF8.self)
    for secret in secrets where !secret.isEmpty {
      // JSON may write a slash with a backslash before it.
      let spellings: Set = [secret, secret.replacing("/", with: "\\/")]
      for spelling in spellings { text = text.replacing(spelling, with: "…") }
    }
    if let answer = try? JSONDecoder().decode(Answer.self, from: Data(text.utf8)),
      let code = answer.requestStatus.statusCode.value()
    {
      return [RegistryMessage(code: code, message: answer.requestStatus.statusDescription.value() ?? "")]
    }
    return RegistryMessage.list(in: Array(text.utf8))
  }

  private struct Answer: Decodable {
    let requestStatus: RequestStatus
  }

  private struct RequestStatus: Decodable {
    let statusCode: Lenient<String>?
    let statusDescription: Lenient<String>?
  }
}
