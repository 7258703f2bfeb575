import Testing

/// Which way the modules may look. The compiler does not hold this: a target may import what its
/// dependencies depend on.
struct `The modules` {
  /// What each may import, besides `Swift`. Values (`Digests`, `Images`) do no I/O, so they have no Glibc.
  static let table: [String: Set<String>] = [
    "Digests": ["CCrypto", "FoundationEssentials"],
    "Images": ["Digests", "FoundationEssentials"],
    "Transport": ["CCurl", "FoundationEssentials", "Glibc", "Synchronization"],
    "Registry": ["Transport", "Images", "Digests", "FoundationEssentials", "Glibc", "Synchronization"],
    "Credentials": ["Registry", "Images", "FoundationEssentials", "Glibc", "Synchronization"],
    "NVIDIA": [
      "Transport", "Registry", "Images", "Digests", "FoundationEssentials", "Glibc", "Synchronization",
    ],
    "Files": ["CLinux", "Glibc", "Synchronization"],
    "Tar": ["CArchive", "CZlib", "Files", "Synchronization"],
    "Layouts": ["Files", "Tar", "Images", "Digests", "Dispatch", "FoundationEssentials", "Synchronization"],
    "Transfers": [
      "NVIDIA", "Registry", "Transport", "Layouts", "Files", "Tar", "Images", "Digests",
      "Dispatch", "FoundationEssentials", "Glibc", "Synchronization",
    ],
    "ferry": [
      "Transfers", "Credentials", "NVIDIA", "Registry", "Transport", "Layouts", "Files", "Tar", "Images",
      "Digests",
      "ArgumentParser", "Dispatch", "FoundationEssentials", "Glibc", "Synchronization",
    ],
  ]

  /// What single files may import besides: memory that may not be there, which Swift's own allocation would die of, and a
  /// condition to wait for.
  static let exceptions: [String: Set<String>] = [
    "Sources/Images/DocumentMemory.swift": ["Glibc"], "Sources/Tar/DecoderMemory.swift": ["Glibc"],
  ]

  static let clibraries: Set = ["CArchive", "CCrypto", "CCurl", "CLinux", "CZlib"]

  @Test func `are those of the table`() {
    #expect(Set(SourceFile.all.map(\.module)) == Set(Self.table.keys))
    #expect(SourceFile.all.count > 50)
  }

  @Test(arguments: SourceFile.all) func `import only what lies below them`(file: SourceFile) {
    for (imported, line) in file.imports {
      let allowed = Self.table[file.module, default: []].union(Self.exceptions[file.path, default: []])
      #expect(allowed.contains(imported), "\(file.path): \(line)")
    }
  }

  @Test(arguments: SourceFile.all) func `let no C type out`(file: SourceFile) {
    for (imported, line) in file.imports where Self.clibraries.contains(imported) {
      #expect(line == "private import \(imported)", "\(file.path)")
    }
  }

  @Test func `are seen by the reader of import lines`() {
    let texts: [Substring] = [
      "import A", "public import B", "private import struct C.D", "@testable import E",
      "  import indented", "/// import commented", "@preconcurrency internal import F",
    ]
    let file = SourceFile(path: "Sources/X/Y.swift", lines: texts)
    #expect(file.imports.map(\.module) == ["A", "B", "C", "E", "F"])
  }
}
