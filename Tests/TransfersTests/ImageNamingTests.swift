import Images
import Layouts
import NVIDIA
import TestSupport
import Testing

@testable import Transfers

@Suite struct `Naming the images of an import` {
  private let layout: Layout
  private let tree: ImageTree

  init() throws {
    let directory = TemporaryDirectory()
    try DockerSave([.init(["a.example/dept/b:1"], layers: [try DockerSave.layer("a")])])
      .write(to: directory.file("a.tar"))
    layout = try Layout.open(directory.file("a.tar"))
    tree = try layout.tree(of: layout.images[0])
  }

  /// Of one image that has all these names or, where they `differ`, of as many images.
  private func name(_ sources: [String], rules: [String] = [], differ: Bool = false) throws -> NamedImages {
    let mapping = NameMapping(
      destination: try RegistryLocation("n.example"), rules: try rules.map { try MappingRule($0) })
    let selected = try sources.enumerated().map { number, source in
      let tree = differ ? try Self.tree(number) : tree
      return SelectedImage(
        ArchivedImage(
          image: LayoutImage(reference: try Reference(source), name: source, root: tree.root), layout: layout),
        tree: tree, referral: nil)
    }
    return try ImageNaming(mapping, givenName: nil, nvidiaHosts: .standard).name(
      CompressedSelection(selected))
  }

  /// One that is another for each `number`.
  private static func tree(_ number: Int) throws -> ImageTree {
    let text = #"{"schemaVersion":2,"manifests":[],"annotations":{"number":"\#(number)"}}"#
    return ImageTree(of: try Manifest(bytes: Array(text.utf8), mediaType: .ociIndex), blobs: [])
  }

  @Test func `refuses a name that no registry takes, and shows it`() throws {
    let named = try name(["h.example/dept/a:1", "h.example/dept/b:1"], rules: ["dept/a=UPPER"])
    #expect(named.images.map(\.target.description) == ["n.example/UPPER:1", "n.example/b:1"])
    #expect(named.images.map(\.state) == [.refused, .new])
    guard
      case .invalidTarget("h.example/dept/a:1", "n.example/UPPER")? = named.blockers.first as? TransferError
    else {
      Issue.record("\(named.blockers)")
      return
    }
    #expect(named.blockers.count == 1)
  }

  @Test func `takes an image that is named twice once`() throws {
    let named = try name(["h.example/dept/a:1", "h.example/dept/a:1"])
    #expect(named.images.count == 1 && named.blockers.isEmpty)
  }

  @Test func `takes an image of which several names become one by each of them`() throws {
    let sources = ["b.example/dept/a:1", "a.example/dept/a:1"]
    let named = try name(sources)
    #expect(named.blockers.isEmpty && named.images.map(\.source) == sources.sorted())
    #expect(named.images.allSatisfy { $0.state == .new && $0.target.description == "n.example/a:1" })
    let others = try name(sources, differ: true)
    #expect(others.blockers.count == 1 && others.images.allSatisfy { $0.state == .refused })
  }

  @Test(.timeLimit(.minutes(3))) func `compares no image with each of those that would get its name`() throws
  {
    let count = 40_000
    let named = try name((0..<count).map { "h.example/dept/a\($0):1" }, rules: ["**=one"], differ: true)
    #expect(named.images.count == count && named.images.allSatisfy { $0.state == .refused })
    guard case .targetCollision(_, let sources)? = named.blockers.first as? TransferError else {
      Issue.record("\(named.blockers)")
      return
    }
    #expect(sources.count == count)
  }
}
