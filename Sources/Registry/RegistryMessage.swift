import FoundationEssentials
import Images
import Transport

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
  /// How much of an answer that says what went wrong is read, in bytes: no complaint is longer.
  static let longest = 64 << 10

  /// Reads the body of an answer that reports an error: the `errors` form; the forms of token servers, of AWS and of
  /// RFC 9457 (`error` with `error_description`, `message`, `details`, `__type`, `title`); any other JSON, shown as it is;
  /// or an excerpt of plain text or of a page.
  public static func list(in body: [UInt8]) -> [RegistryMessage] {
    guard body.contains(where: { $0 > 0x20 }) else { return [] }
    if let answer = try? DocumentShape.loose.decode(Answer.self, from: body) {
      let messages = answer.messages
      if !messages.isEmpty { return Array(messages.prefix(most)) }
    }
    let excerpt: String
    if let json = try? DocumentShape.loose.decode(JSONText.self, from: body) {
      excerpt = json.text
    } else {
      let text = String(decoding: body.cut(to: longest), as: UTF8.self)
      guard isLegible(text) else { return [] }
      excerpt = ErrorPage.text(of: text)
    }
    let message = RegistryMessage(code: "", message: excerpt)
    return message.message.isEmpty ? [] : [message]
  }

  /// Whether a body is text to anybody, and no compressed or binary content.
  private static func isLegible(_ text: String) -> Bool {
    let beginning = text.unicodeScalars.prefix(512)
    let strange = beginning.count {
      $0 == "\u{FFFD}" || $0.value < 0x20 && !["\t", "\n", "\r", "\u{1B}"].contains($0)
    }
    return strange * 8 <= beginning.count
  }

  private struct Answer: Decodable {
    var errors: [Complaint]?
    /// `errors` of those that have one word for them, or a shape of their own.
    var errorText: String?
    var error: JSONText?
    var errorDescription: JSONText?
    var message: JSONText?
    var details: JSONText?
    /// The kind of error, where AWS says it.
    var type: JSONText?

    private enum CodingKeys: String, CodingKey {
      case errors, error, message, details, title, detail
      case errorDescription = "error_description"
      case type = "__type"
      case capitalMessage = "Message"
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
      // A list without any of the words that are known.
      if let complaints = errors, complaints.allSatisfy(\.isEmpty) {
        errors = nil
        errorText = try? container.decodeIfPresent(JSONText.self, forKey: .errors)?.text
      }
      error = try container.decodeIfPresent(JSONText.self, forKey: .error)
      errorDescription = try container.decodeIfPresent(JSONText.self, forKey: .errorDescription)
      message =
        try container.decodeIfPresent(JSONText.self, forKey: .message)
        ?? container.decodeIfPresent(JSONText.self, forKey: .capitalMessage)
      details =
        try container.decodeIfPresent(JSONText.self, forKey: .details)
        ?? container.decodeIfPresent(JSONText.self, forKey: .detail)
        ?? container.decodeIfPresent(JSONText.self, forKey: .title)
      type = try container.decodeIfPresent(JSONText.self, forKey: .type)
    }

    /// AWS puts the name of the service before its kinds of error: `com.amazonaws.ecr#LimitExceededException`.
    private var kind: String { type.map { String($0.text.split(separator: "#").last ?? "") } ?? "" }

    var messages: [RegistryMessage] {
      if let errors, !errors.isEmpty {
        return errors.map {
          RegistryMessage(
            code: $0.code?.text ?? "", message: $0.message?.text ?? "", detail: $0.detail?.text)
        }
      }
      guard let said = errorDescription ?? message ?? details ?? error, !said.text.isEmpty else {
        if !kind.isEmpty { return [RegistryMessage(code: kind, message: "")] }
        guard let errorText, !errorText.isEmpty else { return [] }
        // A code is one word.
        let isCode = errorText.utf8.count <= 64 && !errorText.contains(" ")
        return [RegistryMessage(code: isCode ? errorText : "", message: isCode ? "" : errorText)]
      }
      return [RegistryMessage(code: errorDescription == nil ? kind : error?.text ?? "", message: said.text)]
    }
  }

  private struct Complaint: Decodable {
    var code: JSONText?
    var message: JSONText?
    var detail: JSONText?

    var isEmpty: Bool { code == nil && message == nil && detail == nil }

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

/// What is to be read on a page that says what went wrong: a gateway's says the same as its plain text would.
private enum ErrorPage {
  /// The text between the tags, each piece once; the text itself where it is no page. Scripts, styles and comments are for
  /// nobody to read.
  static func text(of page: String) -> String {
    guard page.drop(while: { $0.isWhitespace || $0 == "\u{FEFF}" }).first == "<" else { return page }
    var pieces: [Substring] = []
    var rest = page[...]
    while let start = rest.firstIndex(of: "<") {
      pieces.append(rest[..<start])
      rest = rest[start...]
      let name = rest.dropFirst().prefix { $0.isLetter || $0 == "!" || $0 == "-" }.lowercased()
      let end = name.hasPrefix("!--") ? "-->" : ["script", "style"].contains(name) ? "</\(name)" : ">"
      guard let behind = position(behind: end, in: rest) else { return joined(pieces) }
      rest = rest[behind...]
    }
    return joined(pieces + [rest])
  }

  /// Where `text` goes on behind the first `end`, and behind the bracket of a closing tag.
  private static func position(behind end: String, in text: Substring) -> String.Index? {
    let found = Self.end(of: end, in: text)
    guard let found, end.hasPrefix("</") else { return found }
    return text[found...].firstIndex(of: ">").map { text.index(after: $0) }
  }

  /// Where the first `word`, of which the letters are lower-case, ends in a text in which they may be either.
  private static func end(of word: String, in text: Substring) -> String.Index? {
    let word = Array(word.utf8)
    var rest = text.utf8
    while let byte = rest.first {
      if byte == word[0], rest.lazy.map({ 65...90 ~= $0 ? $0 | 0x20 : $0 }).starts(with: word) {
        return rest.index(rest.startIndex, offsetBy: word.count)
      }
      rest = rest.dropFirst()
    }
    return nil
  }

  private static func joined(_ pieces: [Substring]) -> String {
    var known: Set<String> = []
    return pieces.map { plain($0) }.filter { !$0.isEmpty && known.insert($0).inserted }.joined(separator: " ")
  }

  /// A piece on one line, with the characters that its names stand for.
  private static func plain(_ piece: Substring) -> String {
    var text = piece.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    for (name, character) in entities { text = text.replacing(name, with: character) }
    return text
  }

  private static let entities = [
    ("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&"),
  ]
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
    // Transport keeps no more of a failure's text, and that it is cut is not to be seen but by its length.
    // A single character stands in every other word, and is not hidden.
    Secrets.hide(secrets, in: cut(to: RegistryMessage.longest - 1))
  }
}
