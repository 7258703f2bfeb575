import Foundation
import TestSupport
import Testing

/// `--switch-over`: what pulls by old names finds the images at the new registry, by what an import or a check wrote.
@Suite(.waiting) struct `The switch-over of those who pull` {
  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let new: RegistryProcess
  private static let images = [
    "team/app:1.0", "docker/schema2:1", "docker/list:1", "team/backend/worker:1.0",
  ]

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess(fixtures: true)
    new = try RegistryProcess()
    try ferry.export(Self.images.map(old.reference), to: "a.tar")
  }

  private func importing(_ options: String...) -> [String] {
    ["import", "a.tar", "--plain-http", "--to", "\(new.host)/copy", "--map", "**=$1"] + options
  }

  private func text(_ path: String) -> String? {
    try? String(contentsOfFile: ferry.file(path), encoding: .utf8)
  }

  private func paths(below directory: String) -> [String: String] {
    let found = FileManager.default.enumerator(atPath: ferry.file(directory))?.compactMap { $0 as? String }
    return Dictionary(
      uniqueKeysWithValues: (found ?? []).compactMap { path in text("\(directory)/\(path)").map { (path, $0) }
      })
  }

  private var mirror: String { "certs.d/\(old.host.replacing(":", with: "_"))_/hosts.toml" }

  /// Every name in `names.tsv`, old and new.
  private var named: [String: String] {
    let lines = (text("new/names.tsv") ?? "").split(separator: "\n").filter { !$0.hasPrefix("#") }
    return Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let columns = line.split(separator: "\t").map(String.init)
        return (columns[0], "\(columns[1]) \(columns[2])")
      })
  }

  private func moved(_ names: [String] = images) throws -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: try names.map {
        (old.reference($0), "\(new.reference("copy/\($0)")) \(try FixtureImages.digest(of: $0))")
      })
  }

  @Test(.enabled(if: geteuid() == 0))
  func `has containerd pull by the old names when the old registry is gone`() throws {
    try ferry.run(importing("--switch-over", "new"), exits: 0)
      .complains("wrote the new names of 4 images to new")
    old.stop()
    let containerd = try ContainerdProcess()
    let without = try containerd.pull(old.reference(Self.images[0]), hosts: ferry.home.path)
    #expect(without.status != 0, "the old registry is gone")
    var expected: [String: String] = [:]
    for name in Self.images {
      let result = try containerd.pull(old.reference(name), hosts: ferry.file("new/certs.d"))
      #expect(result.status == 0, "\(result.standardError)")
      expected[old.reference(name)] = try FixtureImages.digest(of: name)
    }
    #expect(try containerd.images() == expected)
  }

  @Test func `has podman's readers pull by the old names, by tag and by digest`() throws {
    try ferry.run(importing("--switch-over", "new"), exits: 0)
    old.stop()
    for name in Self.images {
      let digest = try FixtureImages.digest(of: name)
      let repository = name.prefix { $0 != ":" }
      for reference in [old.reference(name), old.reference("\(repository)@\(digest)")] {
        let raw = try Command(
          "skopeo",
          [
            "--registries-conf", ferry.file("new/registries.conf"), "inspect", "--raw",
            "docker://\(reference)",
          ]
        ).run()
        #expect(BlobDigest.of(raw.output) == digest, "\(raw.standardError)")
      }
    }
  }

  @Test func `is written by import for what is there, again and again the same`() throws {
    try ferry.run(importing("--switch-over", "new", "--dry-run"), exits: 0)
      .complains("would write the new names of 4 images to new: README.txt, names.tsv", mirror)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("new")))
    try ferry.run(importing("--switch-over", "new"), exits: 0)
    #expect(try named == moved())
    let first = paths(below: "new")
    #expect(first.keys.contains(mirror) && first.count == 9)
    try ferry.run(importing("--switch-over", "new", "--dry-run"), exits: 0)
    try ferry.run(importing("--switch-over", "new"), exits: 0)
    #expect(paths(below: "new") == first)
    // Of what is believed by its tag nothing was confirmed.
    let trusting = try ferry.run(importing("--switch-over", "other", "--trust-tags"), exits: 0)
    trusting.complains("other was not written: no image with an old name is confirmed")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("other")))
    // A check writes the same.
    try ferry.run(
      [
        "check", "a.tar", "--plain-http", "--to", "\(new.host)/copy", "--map", "**=$1", "--switch-over",
        "checked",
      ], exits: 0
    ).complains("wrote the new names of 4 images to checked")
    #expect(paths(below: "checked") == first)
  }

  @Test func `leaves out what a check does not find as it should be`() throws {
    try ferry.run(importing("--receipt", "r.json"), exits: 0)
    let digest = try FixtureImages.digest(of: "team/app:1.0")
    try new.storage.remove(digest)
    for subject in ["a.tar", "r.json"] {
      var arguments = [
        "check", subject, "--plain-http", "--retries", "0", "--to", "\(new.host)/copy", "--switch-over",
        "new",
      ]
      if subject == "a.tar" { arguments += ["--map", "**=$1"] }
      try ferry.run(arguments, exits: 4).complains(
        "not named in new, for they are not confirmed: \(old.reference("team/app:1.0"))")
      #expect(try named == moved(Array(Self.images.dropFirst())))
      let files = paths(below: "new")
      #expect(
        files["names.tsv"]?.contains(
          "# not confirmed, in none of these files: \(old.reference("team/app:1.0"))\n") == true)
      #expect(files["registries.conf"]?.contains("\"\(old.reference("team/app"))\"") == false)
      // The mirror would be asked for it as well.
      #expect(
        files[mirror] == nil && files["README.txt"]?.contains("certs.d/ has nothing for \(old.host)") == true)
      try FileManager.default.removeItem(atPath: ferry.file("new"))
    }
  }

  @Test func `leaves out what an import does not bring`() throws {
    try new.storage.add(layers: [[1]], to: "copy/team/app", tag: "1.0")
    try ferry.run(importing("--switch-over", "new"), exits: 15)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("new")))
    let result = try ferry.run(importing("--switch-over", "new", "--keep-going"), exits: 3)
    result.complains("not named in new, for they are not confirmed: \(old.reference("team/app:1.0"))")
    #expect(try named == moved(Array(Self.images.dropFirst())))
    #expect(paths(below: "new").keys.contains(mirror) == false)
  }

  @Test(arguments: ["file", "symbolic link", "directory", "changed"])
  func `takes no place of what Ferry did not write`(kind: String) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: ferry.file("new"), withIntermediateDirectories: true)
    try ferry.write("mine\n", to: "notes")
    let place = ferry.file("new/switch.sed")
    switch kind {
    case "file": try files.copyItem(atPath: ferry.file("notes"), toPath: place)
    case "symbolic link":
      try files.createSymbolicLink(atPath: place, withDestinationPath: ferry.file("notes"))
    case "directory": try files.createDirectory(atPath: place, withIntermediateDirectories: true)
    default:
      try ferry.run(importing("--switch-over", "new"), exits: 0)
      try ferry.write((text("new/switch.sed") ?? "") + "s|a|b|\n", to: "new/switch.sed")
    }
    // A mirror's place is known when the archive was read.
    if kind == "file" {
      try files.createDirectory(
        atPath: ferry.file("mirrors/\(mirror)").replacing("/hosts.toml", with: ""),
        withIntermediateDirectories: true)
      try ferry.write("mine\n", to: "mirrors/\(mirror)")
      for command in [
        importing(), ["check", "a.tar", "--plain-http", "--retries", "0", "--to", "127.0.0.1:9/x"],
      ] {
        try ferry.run(command + ["--switch-over", "mirrors"], exits: 15)
          .complains("mirrors/\(mirror) is not Ferry's own")
      }
      #expect(paths(below: "mirrors") == [mirror: "mine\n"])
    }
    let before = paths(below: "new")
    for options in [["--dry-run"], []] {
      try ferry.run(importing("--switch-over", "new") + options, exits: 15).complains(
        "new/switch.sed is not Ferry's own")
    }
    try ferry.run(
      ["check", "a.tar", "--plain-http", "--to", new.host, "--switch-over", "new"], exits: 15)
    #expect(paths(below: "new") == before && text("notes") == "mine\n")
    #expect(kind == "changed" || new.storage.digests.isEmpty, "nothing moved")
  }

  @Test func `is refused where it cannot be written, before anything moves`() throws {
    try ferry.write("mine\n", to: "file")
    for place in ["file", "file/new", "/proc/new"] {
      for options in [["--dry-run"], []] {
        try ferry.run(importing("--switch-over", place) + options, exits: 16)
      }
    }
    try ferry.run(importing("--switch-over", ""), exits: 64)
    try ferry.run(["check", "a.tar", "--switch-over", "new"], exits: 64).complains(
      "--switch-over speaks of a destination")
    try FileManager.default.createDirectory(
      atPath: ferry.file("new"), withIntermediateDirectories: true)
    try ferry.run(importing("--switch-over", "new", "--receipt", "new/names.tsv"), exits: 64)
    #expect(new.storage.digests.isEmpty && text("file") == "mine\n")
  }
}
