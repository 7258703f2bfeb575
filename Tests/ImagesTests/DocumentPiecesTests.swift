import Testing

@testable import Images

/// A list that is most of a document is decoded apart from the rest.
struct `A document with a large list` {
  private struct Content: Decodable {
    let name: String
    let list: [Element]?
  }

  private struct Element: Decodable, Equatable {
    let text: String
    let list: [Int]
  }

  /// With what looks like the list, or like its end, wherever it is none.
  private func document(_ count: Int, before: String = "", after: String = "") -> String {
    let elements = (0..<count).map { #"{"text":"]},{\"list\":[\\","list":[\#($0),1 , 2]}"# }
    return """
      {"inner":{"list":[1]},"array":["list",{"list":[]}],\(before)"list" : [ \(elements.joined(separator: " ,\n")) ],\
      "other":[[2]],"name":"\\"list\\":[3"\(after)}
      """
  }

  @Test(arguments: [0, 1, 5, 40_000])
  func `has the elements that it has when it is decoded at once`(count: Int) throws {
    let bytes = Array(document(count).utf8)
    let parts = try #require(DocumentPieces(of: bytes, list: "list"))
    #expect(parts.pieces.isEmpty == (count == 0))
    #expect(count < 40_000 || parts.pieces.count > 4)
    let (value, more) = try DocumentShape.anything.decode(
      Content.self, from: bytes, apart: "list", Element.self)
    #expect(value.name == #""list":[3"#)
    let elements = (value.list ?? []) + more
    #expect(elements == (0..<count).map { Element(text: #"]},{"list":[\"#, list: [$0, 1, 2]) })
    let rest = try DocumentShape.anything.decode(Content.self, from: parts.rest)
    #expect(rest.list?.isEmpty == true)
  }

  @Test func `is refused where it is no document of one meaning`() throws {
    for text in [
      document(40_000, before: #""list":[],"#), document(40_000, after: ","), document(40_000) + "x",
    ] {
      #expect(throws: DocumentFault.self) {
        try DocumentShape.anything.decode(
          Content.self, from: Array(text.utf8), apart: "list", Element.self)
      }
    }
  }

  @Test(arguments: [#"{"a":[1]}"#, #"{"a":{"list":[1]}}"#, #"["list",[1]]"#, #"{"list":null}"#, "1", "{"])
  func `has the list under a key of its own alone`(text: String) {
    #expect(DocumentPieces(of: Array(text.utf8), list: "list") == nil)
  }
}
