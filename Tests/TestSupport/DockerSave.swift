import Foundation

/// What `docker save` wrote before version 25, entry by entry: it stands for docker, which tests cannot run.
public struct DockerSave: Sendable {
  public struct Image: Sendable {
    /// `RepoTags`, as docker shortens them.
    public var tags: [String]
    /// Uncompressed tars.
    public var layers: [[UInt8]]

    public init(_ tags: [String], layers: [[UInt8]]) {
      self.tags = tags
      self.layers = layers
    }

    /// The config; its digest is the image's ID.
    public var config: [UInt8] {
      let ids = layers.map { #""\#(BlobDigest.of($0))""# }.joined(separator: ",")
      return Array(
        #"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#
          .utf8)
    }

    /// `sha256:…`
    public var id: String { BlobDigest.of(config) }
  }

  /// What stands for a layer that an earlier image of the archive has too.
  public enum Sharing: Sendable, CaseIterable {
    case copies, symbolicLinks, hardLinks
  }

  public var images: [Image]
  public var sharing: Sharing

  public init(_ images: [Image], sharing: Sharing = .symbolicLinks) {
    self.images = images
    self.sharing = sharing
  }

  /// A tar of one file of `size` bytes that do not compress to nothing.
  public static func layer(_ name: String, size: Int = 2000) throws -> [UInt8] {
    var random = SeededGenerator(seed: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }))
    let half = (0..<size / 2).map { _ in UInt8.random(in: 0...255, using: &random) }
    return try PythonTar([.init(name, .file(half + [UInt8](repeating: 65, count: size - half.count)))])
      .bytes()
  }

  /// In docker's order: the layers' directories, configs, `manifest.json`, `repositories`.
  public func entries() throws -> [PythonTar.Entry] {
    var entries: [PythonTar.Entry] = []
    var list: [[String: Any]] = []
    var first: [[UInt8]: String] = [:]
    for (number, image) in images.enumerated() {
      var paths: [String] = []
      for (index, layer) in image.layers.enumerated() {
        let id = String(BlobDigest.of(Array("\(number) \(index)".utf8)).dropFirst("sha256:".count))
        paths.append("\(id)/layer.tar")
        entries += [.init("\(id)/", .directory), .init("\(id)/VERSION", "1.0"), .init("\(id)/json", "{}")]
        let earlier = first[layer]
        switch (earlier, sharing) {
        case (let earlier?, .symbolicLinks):
          entries.append(.init("\(id)/layer.tar", .symbolicLink("../\(earlier)")))
        case (let earlier?, .hardLinks): entries.append(.init("\(id)/layer.tar", .hardLink(earlier)))
        default: entries.append(.init("\(id)/layer.tar", .file(layer)))
        }
        first[layer] = earlier ?? "\(id)/layer.tar"
      }
      let name = "\(image.id.dropFirst("sha256:".count)).json"
      if !list.contains(where: { $0["Config"] as? String == name }) {
        entries.append(.init(name, .file(image.config)))
      }
      list.append(
        ["Config": name, "RepoTags": image.tags.isEmpty ? NSNull() : image.tags as Any, "Layers": paths])
    }
    let manifest = try JSONSerialization.data(withJSONObject: list, options: .withoutEscapingSlashes)
    return entries + [.init("manifest.json", .file([UInt8](manifest))), .init("repositories", "{}")]
  }

  public func write(to path: String) throws { try PythonTar(entries()).write(to: path) }
}
