/// Something that reads what others wrote, for `fixtures/fuzz/run` to feed, and for the seeds in `fixtures/fuzz/corpus` as a test.
struct FuzzTarget: Sendable {
  /// As on the command line, and as its directory of seeds is called.
  let name: String
  /// The longest input that is of use, in bytes.
  let longest: Int
  private let body: @Sendable ([UInt8]) throws -> Void

  init(_ name: String, longest: Int = 4096, _ body: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.longest = longest
    self.body = body
  }

  /// Reads `bytes`. What is refused is well; a ``Contradiction`` that is thrown is not.
  func run(_ bytes: [UInt8]) throws {
    do { try body(bytes) } catch let contradiction as Contradiction {
      throw contradiction
    } catch {}
  }

  static let all = documents + archives + words + journals
}

/// A promise that some input breaks.
struct Contradiction: Error, CustomStringConvertible {
  let description: String
}

/// Throws a ``Contradiction`` unless `isKept`.
func promise(_ isKept: @autoclosure () throws -> Bool, _ what: @autoclosure () -> String) throws {
  guard let isKept = try? isKept(), isKept else { throw Contradiction(description: what()) }
}

extension [UInt8] {
  /// As text; nil where it is none.
  var text: String? { String(validating: self, as: UTF8.self) }

  /// The first line without its end, and what follows.
  var lineAndRest: (line: [UInt8], rest: [UInt8]) {
    let line = prefix { $0 != UInt8(ascii: "\n") }
    return (Array(line), Array(dropFirst(line.count + 1)))
  }
}
