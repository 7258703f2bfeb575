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
    /// `errors` of those that have one word for them.
    var errorText: String?
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
      errorText = try? container.decodeIfPresent(String.self, forKey: .errors)
      if errors == nil, errorText == nil,
        let single = try? container.decodeIfPresent(Complaint.self, forKey: .errors)
      {
        errors = [single]
      }
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
      guard let said = errorDescription ?? message ?? details ?? error, !said.text.isEmpty else {
        return errorText.map { [RegistryMessage(code: $0, message: "")] } ?? []
      }
      return [RegistryMessage(code: errorDescription == nil ? "" : error?.text ?? "", message: said.text)]
    }
  }

  private struct Complaint: Decodable {
    var code: JSONText?
    var message: JSONText?
    var detail: JSONText?

    private enum CodingKeys: CodingKey { case code, message, detail }

    init(from decoder: any Decoder) throws {
      guard let container = try? decoder.container(keyedBy: CodingKeys.self) else {
        // Some list the codes alone.
        code = try decoder.singleValueContainer().decode(JSONText.self)
        return
      }
      code = try container.decodeIfPresent(JSONText.self, forKey: .code)
      message = try container.decodeIfPresent(JSONText.self, forKey: .message)
      detail = try container.decodeIfPresent(JSONText.self, forKey: .detail)
    }
  }
}

extension RegistryMessage {
  /// What a code says of the question that it answers.
  enum Kind: Hashable, Sendable {
    /// The registry does not know such a question.
    case unknownQuestion
    /// It has nothing under the name or digest asked for.
    case unknownName
    /// It has no code, or that of its status.
    case nothing
    /// It may know the answer, and does not give it.
    case refusal
  }

  /// What the code says beside `status`.
  func kind(at status: Int) -> Kind {
    switch code.uppercased() {
    case "", "\(status)": .nothing
    case "UNSUPPORTED", "NOT_FOUND", "PAGE_NOT_FOUND", "METHOD_NOT_ALLOWED", "NOT_IMPLEMENTED",
      "NAME_INVALID":
      .unknownQuestion
    case "NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN": .unknownName
    default: .refusal
    }
  }

  /// Codes by which a registry says that something is not there that a manifest lists.
  static let missingContent: Set<String> = ["BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"]

  /// Codes by which a registry says that it does not want to answer, or cannot for now.
  static let refusals: Set<String> = [
    "DENIED", "UNAUTHORIZED", "FORBIDDEN", "TOOMANYREQUESTS", "UNAVAILABLE", "INTERNAL", "INTERNAL_ERROR",
    "INTERNAL_SERVER_ERROR",
  ]

  /// Whether an answer of 404 with these words is no word on what is there: it says something else as well.
  public static func refusesBesides404(_ messages: [RegistryMessage]) -> Bool {
    messages.contains { $0.kind(at: 404) == .refusal }
  }
}

/// What a document says of errors in place of a list, in whatever shape; nothing, where it says `null` or the like.
struct ErrorFields: Decodable {
  let isEmpty: Bool

  private enum CodingKeys: CodingKey { case errors, error }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    isEmpty = [CodingKeys.errors, .error].allSatisfy { key in
      guard container.contains(key) else { return true }
      // What nests too deep to be read says something.
      guard let text = try? container.decode(JSONText.self, forKey: key).text else { return false }
      return text.isEmpty || text == "false"
    }
  }
}

/// Any JSON value as text for a person: `Type=repository, Action=push`.
struct JSONText: Decodable {
  let text: String

  /// How many members of an object or elements of an array are shown.
  private static let most = 16

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      text = object.allKeys.sorted { $0.stringValue < $1.stringValue }.prefix(Self.most)
        .compactMap { key in
          (try? object.decode(JSONText.self, forKey: key)).flatMap {
            $0.text.isEmpty ? nil : "\(key.stringValue)=\($0.text)"
          }
        }
        .joined(separator: ", ")
    } else if var array = try? decoder.unkeyedContainer() {
      var parts: [String] = []
      while !array.isAtEnd, parts.count < Self.most { parts.append(try array.decode(JSONText.self).text) }
      text = parts.joined(separator: "; ")
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() {
        text = ""
      } else if let string = try? value.decode(String.self) {
        text = string
      } else if let truth = try? value.decode(Bool.self) {
        text = truth ? "true" : "false"
      } else if let whole = try? value.decode(Int64.self) {
        text = String(whole)
      } else {
        text = String(try value.decode(Double.self))
      }
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension [UInt8] {
  /// What a server said, without what was sent to it in confidence, which it may have repeated. Only the first
  /// 64 KiB are kept: no complaint is longer.
  public func hiding(_ secrets: [String]) -> [UInt8] {
    var text = String(decoding: prefix(64 << 10), as: UTF8.self)
    // A single character stands in every other word.
    for secret in secrets where secret.utf8.count > 1 {
      // JSON may write a slash with a backslash before it.
      let spellings: Set = [secret, secret.replacing("/", with: "\\/")]
      for spelling in spellings { text = text.replacing(spelling, with: "…") }
    }
    return Array(text.utf8)
  }
}
