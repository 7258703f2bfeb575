import Foundation
import TestSupport
import Testing

/// What was compressed with a large window takes as much memory to decompress.
@Suite(.waiting) struct `Content compressed with a large window` {
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
    let export = [
      "export", "--plain-http", registry.reference("a/a:1"), "-o", "b.tar", "--skip-known", "packed",
    ]
    try ferry.run(export, exits: 14).complains("--memory-limit \(need)")
    try ferry.run(export + ["--memory-limit", need], exits: 0)
  }

  @Test func `is a layer of a directory that is looked into only when that is allowed`() throws {
    let plain = [UInt8](repeating: 7, count: 5000)
    let layer = try Peer.run("sh", "-c", "cat | zstd -q --long=27", input: plain)
    let registry = ScriptedRegistry()
    registry.add(image: [layer], diffIDs: [BlobDigest.of(plain)], to: "a/a", tag: "1")
    try ferry.export([registry.reference("a/a:1")], to: "a.tar")
    // As another tool lays it: docker's list names the layer as a file beside the blobs.
    let hex = BlobDigest.of(layer).dropFirst(7)
    let edits = [
      "mkdir dir", "tar xf a.tar -C dir", "rm dir/ferry.json", "cp dir/blobs/sha256/\(hex) dir/layer.tar",
      "sed -i 's|blobs/sha256/\(hex)|layer.tar|' dir/manifest.json",
      "sed -i 's|\"annotations\":{\"org.ferry[^}]*},||' dir/index.json",
    ]
    _ = try Pipeline(ferry: ferry).run(edits.joined(separator: " && "))
    try ferry.run(["verify", "dir"], exits: 14).complains("--memory-limit 128MiB")
    try ferry.run(["verify", "dir", "--memory-limit", "128MiB"], exits: 0)
  }

  @Test func `is a layer that nobody can compare where the window is larger than any that is read`() throws {
    let plain = [UInt8](repeating: 7, count: 5000)
    let layer = try Peer.run("sh", "-c", "cat | zstd -q --long=28", input: plain)
    let registry = ScriptedRegistry()
    registry.add(image: [layer], diffIDs: [BlobDigest.of(plain)], to: "a/a", tag: "1")
    registry.add(image: [plain], diffIDs: [BlobDigest.of(plain)], to: "a/b", tag: "1")
    try ferry.export(["a/a:1", "a/b:1"].map(registry.reference), to: "a.tar")
    for options in [[], ["--memory-limit", "1GiB"]] {
      let verified = try ferry.run(["verify", "--deep", "a.tar"] + options, exits: 0).standardOutput
      #expect(verified.contains("1 layer unpacked and compared, 1 not compared"), "\(verified)")
    }
    // An archive as a whole is refused, and not called damaged.
    _ = try Pipeline(ferry: ferry).run("cat a.tar | zstd -q --long=28 > packed")
    try ferry.run(["verify", "packed", "--memory-limit", "1GiB"], exits: 14)
      .complains("packed was compressed with a window of 256.0 MiB", "zstd -d --long=28")
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
