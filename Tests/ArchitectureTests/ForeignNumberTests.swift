import Testing

/// Sizes and counts come from outside, and Swift ends the program where a sum does not fit; a JSON decoder takes many times the
/// memory of what it reads. Each goes one way, and this holds the source text to it.
struct `What comes from outside` {
  /// Sums that are bounded where they stand, by what of the line says so, with what bounds them.
  private static let bounded = [
    "position += piece.size": "pieces of a file, up to its end",
    "position += Int(size) + TarHeader.padding": "a header's record, which lies in bytes that are in memory",
    "length += Int64(header.count) + size": "a chunk of xz, whose size has 16 bits",
    "bytes += number(size)": "digits",
    "owned += piece.without": "pieces, not numbers",
    "block += [UInt8](repeating: 0": "bytes",
    "min(manifest.size, Int64(Manifest.sizeLimit))": "at most 4 MiB each",
  ]

  /// Lines of code of `file` that match, without those of texts and bytes.
  private func lines(of file: SourceFile, matching pattern: some RegexComponent) -> [String] {
    file.code.filter { $0.text.contains(pattern) }.map { "\(file.path):\($0.number): \($0.text)" }
  }

  /// `Sequence.saturatingSum()` and `add(saturating:)` are the ways to add sizes.
  @Test(arguments: SourceFile.all) func `is added so that no sum traps`(file: SourceFile) {
    let sums = lines(of: file, matching: /(\+=|-=|\*=) [^"]*[sS]ize\b/)
    #expect(sums.filter { line in !Self.bounded.keys.contains { line.contains($0) } } == [])
    // Of what a reduction adds up, sizes are no part, and neither is what is said to be there.
    let reductions = lines(
      of: file,
      matching: /reduce\((Int64\()?0\)?(, \+\)|\) \{ ?\$0 \+ \$1\.(size|have|count|position|writtenSize)\b)/)
    #expect(reductions == [])
  }

  @Test(arguments: SourceFile.all) func `is measured before it is decoded`(file: SourceFile) {
    let decoders = lines(of: file, matching: /JSONDecoder\(|JSONSerialization/)
    #expect(decoders.isEmpty || file.path == "Sources/Images/DocumentShape.swift", "\(decoders)")
  }
}
