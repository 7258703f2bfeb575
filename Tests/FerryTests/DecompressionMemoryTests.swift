import Foundation
import TestSupport
import Testing

/// What was compressed with a large window takes as much memory to decompress.
struct `Content compressed with a large window` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test(arguments: [("xz --lzma2=dict=256MiB", "256MiB"), ("zstd -q --long=27", "128MiB")])
  func `is an archive that is read only when that is allowed`(tool: String, need: String) throws {
    let registry = ScriptedRegistry()
    registry.add(image: [Array("a".utf8)], to: "a/a", tag: "1")
    try ferry.export([registry.reference("a/a:1")], to: "a.tar")
    _ = try Pipeline(ferry: ferry).run("cat a.tar | \(tool) > packed")
    let destination = try RegistryProcess()
    let verbs = [
      ["verify"], ["inspect"], ["import", "--plain-http", "--to", "\(destination.host)/new"],
    ]
    for verb in verbs {
      try ferry.run(verb + ["packed"], exits: 14)
        .complains("packed takes", "of memory to decompress", "--memory-limit \(need)")
      try ferry.run(verb + ["packed", "--memory-limit", need], exits: 0)
      try ferry.run(verb + ["packed", "--memory-limit", "many"], exits: 64)
    }
  }

  @Test func `is a layer that is looked into only when that is allowed`() throws {
    let plain = [UInt8](repeating: 7, count: 5000)
    let layer = try Peer.run("sh", "-c", "cat | zstd -q --long=27", input: plain)
    let registry = ScriptedRegistry()
    registry.add(image: [layer], diffIDs: [BlobDigest.of(plain)], to: "a/a", tag: "1")
    try ferry.export([registry.reference("a/a:1")], to: "a.tar")
    try ferry.run(["verify", "a.tar"], exits: 0)
    try ferry.run(["verify", "--deep", "a.tar"], exits: 14)
      .complains("blob \(BlobDigest.of(layer)) takes", "--memory-limit 128MiB")
    try ferry.run(["verify", "--deep", "a.tar", "--memory-limit", "128MiB"], exits: 0)
  }
}
