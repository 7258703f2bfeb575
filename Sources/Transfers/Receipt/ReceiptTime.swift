import FoundationEssentials

/// A moment as receipts write it: RFC 3339 in UTC, to the second (`2026-11-23T17:41:35Z`).
struct ReceiptTime: Codable {
  let date: Date

  init(_ date: Date) { self.date = date }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    // The one form: what reads the same when it is written again.
    guard text.utf8.count == 20, let date = try? Date(text, strategy: .iso8601),
      date.formatted(.iso8601) == text
    else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no time in UTC")
    }
    self.date = date
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(date.formatted(.iso8601))
  }
}
