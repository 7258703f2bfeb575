public import Archives

/// Which files hold what an earlier run of Ferry wrote: they alone are written anew.
public enum FerryDocument {
  /// Whether `file` holds a JSON document whose own `schema` begins with one of `schemas`. It is not read as JSON, for it
  /// may be large: in what Ferry writes the members of the outermost object stand two blanks from the margin, and no
  /// string of JSON holds a line feed.
  public static func isDocument(_ file: DataFile, of schemas: [String]) -> Bool {
    let wanted = schemas.flatMap { schema in
      [" : ", ": "].map { Array("\n  \"schema\"\($0)\"\(schema)".utf8) }
    }
    guard (try? file.read(1, at: 0)) == [UInt8(ascii: "{")] else { return false }
    let longest = wanted.map(\.count).max() ?? 0
    var offset: Int64 = 0
    while let block = try? file.read(blockSize, at: offset), !block.isEmpty {
      for index in block.indices where block[index] == UInt8(ascii: "\n") {
        if wanted.contains(where: { block[index...].starts(with: $0) }) { return true }
      }
      // What begins at a block's end is seen whole in the next one.
      guard block.count == blockSize else { return false }
      offset += Int64(blockSize - longest)
    }
    return false
  }

  private static let blockSize = 64 << 10

  /// Whether what `file` holds begins so.
  public static func begins(_ file: DataFile, with beginning: String) -> Bool {
    (try? file.read(beginning.utf8.count, at: 0)).map { $0.elementsEqual(beginning.utf8) } ?? false
  }
}
