import Foundation
import TestSupport
import Testing

struct `A JSON schema` {
  private static let schema = #"""
    {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"enum": ["a", "b"]}, "c": {"const": "x"},
     "l": {"type": "array", "items": {"$ref": "#/$defs/e"}}, "m": {"type": "object", "additionalProperties": {"type": "string"}}},
     "required": ["n"], "$defs": {"e": {"type": "object", "properties": {"b": {"type": "boolean"}}, "required": ["b"]}}}
    """#

  private func problems(_ text: String) throws -> [String] {
    try JSONSchema(JSONTree(Data(Self.schema.utf8))).problems(in: JSONTree(Data(text.utf8)))
  }

  @Test func `takes what it describes`() throws {
    #expect(try problems(#"{"n": 1, "s": "a", "c": "x", "l": [{"b": true}], "m": {"k": "v"}}"#) == [])
  }

  @Test(arguments: [
    (#"{}"#, "$.n is missing"), (#"{"n": 1.5}"#, "$.n is not of type integer"),
    (#"{"n": true}"#, "$.n is not of type integer"), (#"{"n": 1, "s": "c"}"#, "$.s is"),
    (#"{"n": 1, "c": "y"}"#, "$.c is"), (#"{"n": 1, "l": [{"b": true}, {}]}"#, "$.l[1].b is missing"),
    (#"{"n": 1, "l": [{"b": 1}]}"#, "$.l[0].b is not of type boolean"),
    (#"{"n": 1, "m": {"k": 1}}"#, "$.m.k is not of type string"),
    (#"{"n": 1, "x": 1}"#, "$.x is not in the schema"),
    (#"[]"#, "$ is not of type object"),
  ])
  func `says what is otherwise`(text: String, problem: String) throws {
    #expect(try problems(text).contains { $0.hasPrefix(problem) })
  }

  @Test func `is not silent about what it does not understand`() throws {
    let schema = try JSONSchema(JSONTree(Data(#"{"pattern": "x"}"#.utf8)))
    #expect(schema.problems(in: .null) == ["$: the keyword pattern is not understood"])
  }
}
