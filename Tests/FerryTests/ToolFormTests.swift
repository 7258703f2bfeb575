import Foundation
import TestSupport
import Testing

/// Every form of ``ToolForm`` is whole, is shown and arrives, from where it lies and through a pipe.
@Suite(.waiting) struct `The archives of other tools, form by form,` {
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  private func expectArrival(of made: MadeArchive, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(!made.printed.isEmpty, sourceLocation: sourceLocation)
    for line in made.printed {
      let words = line.split(separator: " ").map(String.init)
      let name = words[0].split(separator: words[0].contains("@") ? "@" : ":").map(String.init)
      // Pushed by its digest alone.
      guard name.count == 2 else {
        #expect(registry.bytes(of: words[1]) != nil, "\(line)", sourceLocation: sourceLocation)
        continue
      }
      let digest = registry.digest(of: "new/\(name[0])", name[1])
      if words[1] == "config" {
        let manifest = String(decoding: registry.bytes(of: digest ?? "") ?? [], as: UTF8.self)
        #expect(manifest.contains(words[2]), "\(line)", sourceLocation: sourceLocation)
      } else {
        #expect(digest == words[1], "\(line)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: ToolForm.all.indices) func `are read as they are meant`(number: Int) throws {
    let form = ToolForm.all[number]
    let made = try MadeArchive(ToolForm.makers + form.script)
    let path = made.directory.file(form.file)
    let verified = try ferry.run(["verify", "--deep", path], exits: 0)
    #expect(
      verified.standardOutput.contains("  whole  ") || verified.standardOutput.contains("  intact  "),
      "\(form)")
    #expect(
      form.says.isEmpty || verified.standardOutput.contains(form.says), "\(form): \(verified.standardOutput)")
    let inspected = try ferry.run(["inspect", path], exits: 0)
    for line in made.printed where !line.contains(" config ") {
      guard let digest = line.split(separator: " ").last, !form.options.contains("--platform") else {
        continue
      }
      let isReferrer = line.contains(".sig ") || line.contains(".att ")
      if !isReferrer {
        #expect(inspected.standardOutput.contains(digest), "\(form): \(inspected.standardOutput)")
      }
    }
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", path] + form.options, exits: 0)
    try expectArrival(of: made)
  }

  @Test(arguments: ToolForm.all.indices.filter { ToolForm.all[$0].file != "a" })
  func `arrive through a pipe as well`(number: Int) throws {
    let form = ToolForm.all[number]
    let made = try MadeArchive(ToolForm.makers + form.script)
    let piped = try Pipeline(ferry: ferry).run(
      "cat \(made.directory.file(form.file)) | $ferry import --plain-http --to \(registry.host)/new - "
        + form.options.map { "'\($0)'" }.joined(separator: " "))
    #expect(piped.status == 0, "\(form): \(piped.standardError)")
    try expectArrival(of: made)
  }

  @Test func `keep the index that apko lays beside its images, which has no name`() throws {
    let form = try #require(ToolForm.all.first { $0.description.contains("several architectures") })
    let made = try MadeArchive(
      ToolForm.makers + form.script + "\nprint(digest(index([a.child(), b.child()])))")
    let to = ["import", "--plain-http", "--to", "\(registry.host)/new", made.path]
    let index = try #require(made.printed.last)
    try ferry.run(to, exits: 64).complains("gives no name to its image \(index)")
    try ferry.run(to + ["--image", index, "--as", "k:1"], exits: 0)
    #expect(registry.digest(of: "new/k", "1") == index)
  }

  @Test func `say how many signatures of skopeo's are not carried`() throws {
    let made = try MadeArchive(
      ToolForm.makers + """
        i = Image('i')
        unpacked([('version', b'Directory Transport Version: 1.1\\n'), ('manifest.json', i.manifest), (hexa(i.config), i.config)]
          + [(hexa(l), l) for l in i.layers] + [('signature-1', b'one'), ('signature-2', b'two')])
        """)
    let path = made.directory.file("a")
    let words = "2 signatures of skopeo's are not carried"
    #expect(try ferry.run(["verify", path], exits: 0).standardOutput.contains(words))
    #expect(try ferry.run(["inspect", path], exits: 0).standardOutput.contains(words))
    let report = try Report(ferry.run(["verify", "--json", path], exits: 0))
    #expect(report.objects("archives").first?["signaturesLeft"] as? Int == 2)
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", path, "--as", "x:1"], exits: 0
    ).complains(words)
  }
}
