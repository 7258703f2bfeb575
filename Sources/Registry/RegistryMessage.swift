import FoundationEssentials
import Images

/// One complaint of a registry, from the `errors` of its answer (distribution-spec, "Error Codes"), fit to
/// be printed.
public struct RegistryMessage: Hashable, Sendable {
  /// `DENIED`, `NAME_UNKNOWN`, …; empty where the answer had another form.
  public let code: String
  public let message: String
  /// The registry's `detail`, whatever its form, as text.
  public let detail: String?

  public init(code: String, message: String, detail: String? = nil) {
    self.code = code.printedAsProse(limit: 64)
    self.message = message.printedAsProse()
    self.detail = detail.map { $0.printedAsProse() }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// How many of an answer's complaints are kept.
  static let most = 8

  /// Reads the body of an answer that reports an error: the `errors` form, the forms of token servers
  /// (`error` with `error_description`, `message`, `details`), or an excerpt of plain text or HTML.
  public static func list(in body: [UInt8]) -> [RegistryMessage] {
    guard body.contains(where: { $0 > 0x20 }) else { return [] }
    if let answer = try? JSONDecoder().decode(Answer.self, from: Data(body)) {
      let messages = answer.messages
      if !messages.isEmpty { return Array(messages.prefix(most)) }
    }
    let text = String(decoding: body.prefix(16 << 10), as: UTF8.self)
    let excerpt = RegistryMessage(code: "", message: withoutMarkup(text))
    return excerpt.message.isEmpty ? [] : [excerpt]
  }

  /// The text between tags: a gateway's HTML page says the same as its plain one.
  private static func withoutMarkup(_ text: String) -> String {
    guard text.drop(while: \.isWhitespace).first == "<" else { return text }
    var plain = ""
    var isTag = false
    for character in text {
      switch character {
      case "<":
        isTag = true
        plain.append(" ")
      case ">": isTag = false
      default: if !isTag { plain.append(character) }
      }
    }
    return plain
  }

  private struct Answer: Decodable {
    var errors: [Complaint]?
    var error: JSONText?
    var errorDescription: JSONText?
    var message: JSONText?
    var details: JSONText?

    private enum CodingKeys: String, CodingKey {
      case errors, error, message, details
      case errorDescription = "error_description"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      errors = try? container.decodeIfPresent([Complaint].self, forKey: .errors)
      error = try container.decodeIfPresent(JSONText.self, forKey: .error)
      errorDescription = try container.decodeIfPresent(JSONText.self, forKey: .errorDescription)
      message = try container.decodeIfPresent(JSONText.self, forKey: .message)
      details = try container.decodeIfPresent(JSONText.self, forKey: .details)
    }

    var messages: [RegistryMessage] {
      if let errors, !errors.isEmpty {
        return errors.map {
          RegistryMessage(
            code: $0.code?.text ?? "", message: $0.message?.text ?? "", detail: $0.detail?.text)
        }
      }
      guard let said = errorDescription ?? message ?? details ?? error, !said.text.isEmpty else { return [] }
      return [RegistryMessage(code: errorDescription == nil ? "" : error?.text ?? "", message: said.text)]
    }
  }

  private struct Complaint: Decodable {
    var code: JSONText?
    var message: JSONText?
    var detail: JSONText?
  }
}
