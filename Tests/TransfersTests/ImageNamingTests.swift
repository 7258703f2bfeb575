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

  private func name(_ sources: [String], rules: [String] = []) throws -> NamedImages {
    let mapping = NameMapping(
      destination: try RegistryLocation("n.example"), rules: try rules.map { try MappingRule($0) })
    let selected = try sources.map { source in
      SelectedImage(
        layout: layout,
        image: LayoutImage(reference: try Reference(source), name: source, root: tree.root), tree: tree,
        referral: nil)
    }
    return try ImageNaming(mapping, givenName: nil, nvidiaHosts: .standard).name(
      CompressedSelection(selected))
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

  @Test(.timeLimit(.minutes(3))) func `compares no image with each of those that would get its name`() throws
  {
    let count = 40_000
    let named = try name((0..<count).map { "h.example/dept/a\($0):1" }, rules: ["**=one"])
    #expect(named.images.count == count && named.images.allSatisfy { $0.state == .refused })
    guard case .targetCollision(_, let sources)? = named.blockers.first as? TransferError else {
      Issue.record("\(named.blockers)")
      return
    }
    #expect(sources.count == count)
  }
}
