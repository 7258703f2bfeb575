import Digests
import Foundation
import Images
import Tar
import TestSupport
import Testing

@testable import Layouts

@Suite(.waiting) struct `An archive of docker save` {
  let directory = TemporaryDirectory()
  let base: [UInt8]
  let own: [UInt8]

  init() throws {
    base = try DockerSave.layer("base")
    own = try DockerSave.layer("own")
  }

  var app: DockerSave.Image { DockerSave.Image(["alpine:3.20", "localhost/x:2"], layers: [base, own]) }
  var other: DockerSave.Image { DockerSave.Image(["nvcr.io/acme/y:1"], layers: [base, base]) }

  func open(_ entries: [PythonTar.Entry]) throws -> Layout {
    try PythonTar(entries).write(to: directory.file("x.tar"))
    return try Layout.open(directory.file("x.tar"))
  }

  func digest(_ bytes: [UInt8]) -> Digest { Digest(of: bytes) }

  @Test func `has no blobs of which a part lies in a volume that is missing`() throws {
    let long = try DockerSave.layer("long", size: 40_000)
    try PythonTar(DockerSave([DockerSave.Image(["x/y:1"], layers: [base, long])]).entries())
      .write(to: directory.file("x.tar"))
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.file("x.tar"))))
    let names = stride(from: 0, to: bytes.count, by: 4096).enumerated().map { index, start in
      let name = directory.file("x.tar.\(index < 9 ? "00" : "0")\(index + 1)")
      try? Data(bytes[start..<min(start + 4096, bytes.count)]).write(to: URL(fileURLWithPath: name))
      return name
    }
    var lost = 0
    // Without the last one all may still be there: what it holds is padding.
    for name in names.dropFirst().dropLast() {
      let volume = try Data(contentsOf: URL(fileURLWithPath: name))
      try FileManager.default.removeItem(atPath: name)
      if let input = try ArchiveInput.group([directory.file("x.tar.001")]).first,
        let layout = try? Layout.open(input)
      {
        #expect(layout.problems.contains(.volumeMissing(path: name)))
        for (digest, extent) in layout.blobs {
          let blob = Descriptor(mediaType: .ociLayer, digest: digest, size: extent.size)
          #expect(throws: Never.self) { try layout.bytes(of: blob, limit: 1 << 20) }
        }
        if layout.blobs[digest(long)] == nil { lost += 1 }
      }
      try volume.write(to: URL(fileURLWithPath: name))
    }
    #expect(lost > 5)
  }

  @Test func `of more images than are kept account of is refused`() {
    let image = #"{"Config":"a"}"#
    let list = "[" + String(repeating: image + ",", count: 1 << 18) + image + "]"
    #expect(throws: FileFault.self) { try DockerManifestFile.entries(in: Array(list.utf8)) }
  }

  @Test(arguments: DockerSave.Sharing.allCases)
  func `is the layout it stands for, however images share layers`(sharing: DockerSave.Sharing) throws {
    let layout = try open(DockerSave([app, other], sharing: sharing).entries())
    #expect(layout.form == .dockerSave && !layout.isWrittenByFerry)
    #expect(layout.problems == [] && layout.remarks == [])
    #expect(
      layout.images.map(\.name)
        == ["docker.io/library/alpine:3.20", "localhost/x:2", "nvcr.io/acme/y:1"])
    #expect(layout.images.allSatisfy { $0.reference?.description == $0.name })
    let tree = try layout.tree(of: layout.images[0])
    #expect(tree.blobs.map(\.digest) == [digest(app.config), digest(base), digest(own)])
    #expect(tree.blobs.map(\.mediaType) == [.ociConfig, .ociLayer, .ociLayer])
    for (blob, bytes) in zip(tree.blobs, [app.config, base, own]) {
      #expect(try layout.bytes(of: blob, limit: 1 << 20) == bytes)
    }
    // The image ID is the config's digest; a layer that is listed twice is there once.
    let second = try layout.tree(of: layout.images[2])
    #expect(second.blobs.map(\.digest.description) == [other.id, BlobDigest.of(base)])
  }

  @Test func `has the same digests in whatever order and form its tar is`() throws {
    let entries = try DockerSave([app, other]).entries()
    let layout = try open(entries)
    for format in PythonTar.Format.allCases {
      let shuffled = entries.reversed().map { entry in
        PythonTar.Entry("./" + entry.name, entry.kind)
      }
      try PythonTar(shuffled, format, isChatty: format == .pax).write(to: directory.file("y.tar"))
      let again = try Layout.open(directory.file("y.tar"))
      #expect(again.archiveDigest == layout.archiveDigest && again.images == layout.images)
      #expect(again.problems == [] && again.remarks == [])
    }
    // These digests are a promise: an archive that was imported once is known again.
    let plain = DockerSave([.init(["a.example/b:1"], layers: [])])
    #expect(
      try open(plain.entries()).archiveDigest.description
        == "sha256:0eb24ddafb71119729ca5676b092472a3ada6a1bb186e3cb83a03a03ac477cb8")
  }

  @Test func `may have compressed layers, which are told by reading them`() throws {
    var gzip = Command("gzip", ["-nc"])
    gzip.input = own
    let zipped = try gzip.run().output
    var zstd = Command("zstd", ["-qc"])
    zstd.input = base
    let squeezed = try zstd.run().output
    // As crane names them.
    let list = """
      [{"Config":"\(app.id)","RepoTags":["a.example/b:1"],"Layers":["1.tar.gz","2.tar.gz"]}]
      """
    let entries: [PythonTar.Entry] = [
      .init(app.id, .file(app.config)), .init("1.tar.gz", .file(squeezed)), .init("2.tar.gz", .file(zipped)),
      .init("manifest.json", list),
    ]
    let layout = try open(entries)
    #expect(layout.problems == [] && layout.remarks == [])
    let blobs = try layout.tree(of: layout.images[0]).blobs
    #expect(blobs.map(\.digest) == [digest(app.config), digest(squeezed), digest(zipped)])
    #expect(blobs.map(\.mediaType) == [.ociConfig, .ociZstdLayer, .ociGzipLayer])

    var damaged = entries
    damaged[1].kind = .file(zipped)
    #expect(
      try open(damaged).problems
        == [.contentDiffers(layer: digest(zipped), expected: digest(base), actual: digest(own))])
    damaged[1].kind = .file(Array(squeezed.dropLast(9)))
    #expect(try open(damaged).problems == [.cannotUnpack(layer: digest(squeezed.dropLast(9)))])
  }

  @Test func `has the same layer at several paths, and each is looked at`() throws {
    let entries = try DockerSave([app, other], sharing: .copies).entries()
    let copies = entries.indices.filter { if case .file(base) = entries[$0].kind { true } else { false } }
    #expect(copies.count == 3)
    for copy in copies.dropFirst() {
      var rotten = entries
      let bytes = Array(base.dropLast()) + [1]
      rotten[copy].kind = .file(bytes)
      let layout = try open(rotten)
      #expect(layout.problems == [.damaged(digest(base), actual: digest(bytes))])
    }
    // The one that is carried is hashed wherever it is read.
    var rotten = entries
    rotten[copies[0]].kind = .file(Array(base.dropLast()) + [1])
    let layout = try open(rotten)
    let blob = try #require(try layout.tree(of: layout.images[0]).blobs.first { $0.digest == digest(base) })
    #expect(throws: LayoutError.self) { try layout.bytes(of: blob, limit: 1 << 20) }
  }

  /// `repositories` gives each tag the ID of its image's top layer, which is the layer's directory.
  @Test func `may not have addresses without end, nor one list of them for layers without end`() throws {
    func source(_ urls: [String], _ layer: Digest) -> String {
      let list = urls.map { #""\#($0)""# }.joined(separator: ",")
      return
        #"{"\#(layer)":{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"\#(layer)","size":5,"urls":[\#(list)]}}"#
    }
    func list(_ layers: Int, _ urls: [String]) -> (config: [UInt8], list: [UInt8]) {
      let layer = Digest(of: [1])
      let ids = [String](repeating: #""\#(layer)""#, count: layers).joined(separator: ",")
      let config = Array(
        #"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#.utf8)
      let paths = [String](repeating: #""gone""#, count: layers).joined(separator: ",")
      return (
        config,
        Array(
          #"[{"Config":"c.json","RepoTags":["a:1"],"Layers":[\#(paths)],"LayerSources":\#(source(urls, layer))}]"#
            .utf8)
      )
    }
    let endless = list(1, [String](repeating: "", count: 2_000_000)).list
    #expect(throws: FileFault.tooManyParts(limit: DockerManifestFile.mostParts)) {
      try DockerManifestFile.entries(in: endless)
    }
    // A list of 50 KB in each of 1000 layers.
    let many = list(1000, [String](repeating: "https://far.example/", count: 2000))
    try PythonTar([.init("c.json", .file(many.config)), .init("manifest.json", .file(many.list))])
      .write(to: directory.file("x.tar"))
    #expect {
      try Layout.open(directory.file("x.tar"))
    } throws: {
      if case LayoutError.oversized(_, "manifest.json", _, DockerManifestFile.sizeLimit) = $0 {
        true
      } else {
        false
      }
    }
    let few = list(3, ["https://far.example/"])
    try PythonTar([.init("c.json", .file(few.config)), .init("manifest.json", .file(few.list))])
      .write(to: directory.file("x.tar"))
    #expect(try Layout.open(directory.file("x.tar")).images.count == 1)
  }

  @Test func `with a sparse file where a layer belongs is refused by its name`() throws {
    try PythonTar(DockerSave([app]).entries()).write(to: directory.file("x.tar"))
    let path = directory.file("x.tar")
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let layer = try #require(DockerSave([app]).entries().map(\.name).first { $0.hasSuffix("layer.tar") })
    let offset = try #require(bytes.firstRange(of: Array(layer.utf8) + [0])).lowerBound
    bytes[offset + 156] = UInt8(ascii: "S")
    TestArchive.seal(&bytes, headerAt: offset)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(throws: LayoutError.sparse(path: path, entry: layer)) { try Layout.open(path) }
  }

  @Test(arguments: DockerSave.Sharing.allCases)
  func `says in its older list what it says in the other`(sharing: DockerSave.Sharing) throws {
    let third = DockerSave.Image(["localhost/x:3"], layers: [base])
    let entries = try DockerSave([app, other, third], sharing: sharing).entries()
    func problems(_ list: String) throws -> [LayoutProblem] {
      try open(entries.dropLast() + [.init("repositories", list)]).problems
    }
    let directories = entries.compactMap { $0.name.hasSuffix("/") ? String($0.name.dropLast()) : nil }
    let (appTop, otherTop, thirdTop) = (directories[1], directories[3], directories[4])
    func list(_ app: String, _ other: String) -> String {
      #"{"alpine":{"3.20":"\#(app)"},"localhost/x":{"2":"\#(app)","3":"\#(thirdTop)"},"nvcr.io/acme/y":{"1":"\#(other)"}}"#
    }
    #expect(try problems(list(appTop, otherTop)) == [])
    let names = ["docker.io/library/alpine:3.20", "localhost/x:2"].map { LayoutProblem.ambiguousName($0) }
    #expect(try problems(list(otherTop, otherTop)) == names)
    #expect(try problems(list(appTop, appTop)) == [.ambiguousName("nvcr.io/acme/y:1")])
    #expect(
      try problems(list(appTop, directories[0]))
        == (sharing == .copies ? [.ambiguousName("nvcr.io/acme/y:1")] : []))
    // IDs without a directory, as later versions write them, and what is no such list, tell nothing.
    for text in [
      list(String(repeating: "a", count: 64), "x"), list("..", "\(otherTop)/json"), "", "[]",
      #"{"alpine":1}"#,
      #"{"elsewhere":{"1":"\#(appTop)"}}"#,
    ] {
      #expect(try problems(text) == [], "\(text)")
    }
  }

  @Test func `has the names that stand in the older list alone, or tells that they lead to none`() throws {
    // The first layer of the third lies where that of the first does, and where the second has its last.
    let images = [
      DockerSave.Image(["a:1"], layers: [base]), DockerSave.Image(["b:1"], layers: [own, base]),
      DockerSave.Image([], layers: [base, own]),
    ]
    let entries = try DockerSave(images).entries()
    let directories = entries.compactMap { $0.name.hasSuffix("/") ? String($0.name.dropLast()) : nil }
    func names(_ list: String) throws -> (names: [[String]], problems: [LayoutProblem]) {
      let layout = try open(entries.dropLast() + [.init("repositories", list)])
      let roots = try open(entries).images.map(\.root.digest)
      return (
        roots.map { root in layout.images.filter { $0.root.digest == root }.map(\.name) }, layout.problems
      )
    }
    let (a, b) = ("docker.io/library/a:1", "docker.io/library/b:1")
    let config = images[2].id.dropFirst("sha256:".count)
    let all = try names(
      #"{"x":{"1":"\#(directories[0])","2":"\#(directories[2])"},"nvcr.io/y":{"3":"\#(directories[4])","4":"\#(config)"},"a":{"1":"\#(directories[0])"},"<none>":{"<none>":"0"}}"#
    )
    #expect(
      all.names == [
        [a, "docker.io/library/x:1"], [b, "docker.io/library/x:2"], ["nvcr.io/y:3", "nvcr.io/y:4"],
      ])
    #expect(all.problems == [])
    // The last two are layers below the top, which may be another image's top as well.
    for id in [String(repeating: "a", count: 64), "..", directories[1], directories[3]] {
      let name = "docker.io/library/x:1"
      let lost = try names(#"{"x":{"1":"\#(id)"},"b":{"1":"\#(directories[2])"}}"#)
      #expect(lost.names == [[a], [b], [""]], "\(id)")
      let problem = LayoutProblem.unreadableImage(
        name, .unlistedName(path: directory.file("x.tar"), name: name))
      #expect(lost.problems == [problem], "\(id)")
    }
  }

  @Test func `may have tens of thousands of names, and no more than are kept account of`() throws {
    func list(_ count: Int, layers: Int = 0, name: String = "a") -> [UInt8] {
      let names = (0..<count).map { "\"\(name):\($0)\"" }.joined(separator: ",")
      let paths = [String](repeating: "\"l\"", count: layers).joined(separator: ",")
      return Array(#"[{"Config":"c","RepoTags":[\#(names)],"Layers":[\#(paths)]}]"#.utf8)
    }
    let most = LayoutImage.mostOfOthers
    #expect(try DockerManifestFile.entries(in: list(most))[0].names.count == most)
    #expect(throws: FileFault.tooManyNames(limit: most)) {
      try DockerManifestFile.entries(in: list(most + 1))
    }
    let bytes = DockerManifestFile.mostNameBytes
    #expect(throws: FileFault.namesTooLong(limit: bytes)) {
      try DockerManifestFile.entries(in: list(most, name: String(repeating: "a", count: bytes / most)))
    }
    let parts = DockerManifestFile.mostParts
    #expect(try DockerManifestFile.entries(in: list(1, layers: parts - 2))[0].layers.count == parts - 2)
    #expect(throws: FileFault.tooManyParts(limit: parts)) {
      try DockerManifestFile.entries(in: list(1, layers: parts - 1))
    }
    let entry =
      #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(Digest(of: []))","size":1}"#
    func index(_ count: Int) -> [UInt8] {
      Array(#"{"manifests":[\#([String](repeating: entry, count: count).joined(separator: ","))]}"#.utf8)
    }
    #expect(try IndexFile(bytes: index(most)).images.count == most)
    #expect(throws: FileFault.tooManyNames(limit: most)) { try IndexFile(bytes: index(most + 1)) }
    let entries = try DockerSave([app]).entries().dropLast()
    let ids = (0...most).map { #""\#($0)":"x""# }.joined(separator: ",")
    #expect(
      throws: LayoutError.malformed(
        path: directory.file("x.tar"), entry: "repositories", why: .tooManyNames(limit: most))
    ) { try open(entries + [.init("repositories", #"{"alpine":{\#(ids)}}"#)]) }
    let long = String(repeating: "a", count: 400)
    let tags = (0...9000).map { #""\#($0)":"x""# }.joined(separator: ",")
    let longTags = (0...9000).map { #""\#($0)\#(long)":"x""# }.joined(separator: ",")
    // A repository's name counts for each of its tags.
    for list in [#"{"alpine":{\#(longTags)}}"#, #"{"\#(long)":{\#(tags)}}"#] {
      #expect(
        throws: LayoutError.malformed(
          path: directory.file("x.tar"), entry: "repositories", why: .namesTooLong(limit: bytes))
      ) { try open(entries + [.init("repositories", list)]) }
    }
  }

  @Test func `from before docker 1.10 is refused as that, in a tar or unpacked, and as no damage`() throws {
    let ids = ["first", "second"].map { String(Digest(of: Array($0.utf8)).description.dropFirst(7)) }
    let layers = ids.flatMap { id -> [PythonTar.Entry] in
      [
        .init("\(id)/", .directory), .init("\(id)/VERSION", "1.0"), .init("\(id)/json", #"{"id":"\#(id)"}"#),
        .init("\(id)/layer.tar", .file(base)),
      ]
    }
    let named = layers + [.init("repositories", #"{"busybox":{"1":"\#(ids[1])"}}"#)]
    let path = directory.file("x.tar")
    for entries in [named, layers] {
      #expect(throws: LayoutError.savedBeforeManifests(path: path)) { try open(entries) }
    }
    // What came later has a config for each image: there the list is lost.
    #expect(throws: LayoutError.notALayout(path: path, missing: "index.json")) {
      try open(named + [.init("\(ids[0]).json", "{}")])
    }
    #expect(throws: LayoutError.notALayout(path: path, missing: "index.json")) {
      try open([.init("\(ids[0])/VERSION", "1.0"), .init("\(ids[0])/layer.tar", .file(base)), named[8]])
    }
    let tree = directory.file("tree")
    let unpacked = "\(tree)/old"
    try FileManager.default.createDirectory(atPath: unpacked, withIntermediateDirectories: true)
    try PythonTar(named).write(to: path)
    try Command.run("tar", ["-C", unpacked, "-xf", path])
    #expect(throws: LayoutError.savedBeforeManifests(path: unpacked)) { try Layout.open(unpacked) }
    // Its layers are tars as well, and no archives.
    let found = try ArchiveInput.group([tree])
    #expect(found.map(\.path) == [unpacked])
    #expect(throws: LayoutError.savedBeforeManifests(path: unpacked)) { try Layout.open(found[0]) }
    try FileManager.default.removeItem(atPath: "\(unpacked)/repositories")
    #expect(try ArchiveInput.group([tree]).map(\.path) == [unpacked])
  }

  @Test func `without a name has an image without one`() throws {
    let layout = try open(DockerSave([.init([], layers: [base])]).entries())
    #expect(layout.images.map(\.name) == [""] && layout.images[0].reference == nil)
    let odd = try open(DockerSave([.init(["UPPER CASE"], layers: [base])]).entries())
    #expect(odd.images[0].reference == nil && odd.images[0].label == odd.images[0].root.digest.description)
  }

  @Test func `with a config that is not its image's ID has a damaged config`() throws {
    var entries = try DockerSave([app]).entries()
    let place = try #require(entries.firstIndex { $0.name.hasSuffix(".json") && !$0.name.contains("/") })
    let changed = String(decoding: app.config, as: UTF8.self).replacing("amd64", with: "arm64")
    entries[place] = .init(entries[place].name, changed)
    let layout = try open(entries)
    let config = try #require(try layout.tree(of: layout.images[0]).blobs.first)
    #expect(config.digest.description == app.id)
    #expect(throws: LayoutError.self) { try layout.bytes(of: config, limit: 1 << 20) }
    entries[place] = .init(entries[place].name, "{")
    #expect {
      try open(entries)
    } throws: { error in
      if case LayoutError.wrongContent(config.digest, .mismatch) = error { true } else { false }
    }
  }

  @Test func `that lacks what it lists, or leads out of itself, is damaged`() throws {
    let path = directory.file("x.tar")
    let entries = try DockerSave([app]).entries()
    let layer = try #require(entries.first { $0.name.hasSuffix("layer.tar") }).name
    #expect(throws: LayoutError.missingFile(path: path, entry: layer)) {
      try open(entries.filter { $0.name != layer })
    }
    for target in ["../../manifest.json", "/etc/passwd", "nowhere", "layer.tar"] {
      #expect(throws: LayoutError.missingFile(path: path, entry: layer)) {
        try open(entries.filter { $0.name != layer } + [.init(layer, .symbolicLink(target))])
      }
    }
    #expect(
      try open(entries + [.init(layer, .file(own))]).problems == [.duplicate(path: layer)])
    #expect(try open(entries + [.init("../x", "")]).problems == [.unsafePath("../x")])
    let surplus = try open(entries + [.init("more", "")])
    #expect(surplus.problems == [] && surplus.remarks == [.surplus(path: "more")])
  }

  @Test func `that was cut is truncated, wherever its list stands`() throws {
    for entries in [
      try DockerSave([app]).entries(), try DockerSave([app]).entries().sorted { $0.name > $1.name },
    ] {
      try PythonTar(entries).write(to: directory.file("x.tar"))
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.file("x.tar"))))
      for end in stride(from: 100, to: 14_000, by: 1300) {
        let path = directory.write(Array(bytes[..<end]), to: "cut.tar")
        let found = Result { () throws(LayoutError) in try Layout.open(path).problems }
        let isTruncated =
          switch found {
          case .success(let problems): problems.contains { if case .truncated = $0 { true } else { false } }
          case .failure(.truncated), .failure(.notAnArchive): true
          case .failure: false
          }
        #expect(isTruncated, "\(end): \(found)")
      }
    }
  }

  @Test(arguments: [
    "", "{}", "[{}]", #"[{"Config":1}]"#, #"[{"Config":"c","Layers":["x"]}]"#, #"[{"Config":"nowhere"}]"#,
  ])
  func `with a list that makes no sense is refused`(list: String) throws {
    let config = #"{"rootfs":{"type":"layers","diff_ids":[]}}"#
    #expect(throws: LayoutError.self) {
      try open([.init("c", config), .init("x", ""), .init("manifest.json", list)])
    }
  }

  @Test func `cannot make Ferry work without end`() throws {
    let names = String(repeating: #""a","#, count: 300_000) + #""a""#
    #expect {
      try open([
        .init("c", "{}"), .init("manifest.json", #"[{"Config":"c","Layers":[\#(names)]}]"#),
      ])
    } throws: { error in
      if case LayoutError.malformed(_, "manifest.json", _) = error { true } else { false }
    }
  }
}
