import Foundation

extension RegistryStorage {
  /// Puts an image of these layers into the storage, as a push would, and returns its digest.
  @discardableResult
  public func add(layers: [[UInt8]], to repository: String, tag: String) throws -> String {
    let contents = layers.indices.map { #""\#(BlobDigest.of([UInt8($0 & 255)]))""# }.joined(separator: ",")
    let config = Array(
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(contents)]}}"#.utf8)
    let type = "application/vnd.oci.image"
    let listed = try layers.map { layer in
      let digest = try add(layer, to: repository)
      return #"{"mediaType":"\#(type).layer.v1.tar+gzip","digest":"\#(digest)","size":\#(layer.count)}"#
    }
    let text = """
      {"schemaVersion":2,"mediaType":"\(type).manifest.v1+json","config":{"mediaType":"\(type).config.v1+json",\
      "digest":"\(try add(config, to: repository))","size":\(config.count)},\
      "layers":[\(listed.joined(separator: ","))]}
      """
    return try add(manifest: text, to: repository, tag: tag)
  }

  /// Puts an artifact, whose manifest names `subject` as its subject, into the storage, under a tag if one is given, and
  /// returns its digest.
  @discardableResult
  public func add(
    artifact content: String, to repository: String, subject: String? = nil, tag: String? = nil
  ) throws -> String {
    let type = "application/vnd.oci"
    let bytes = Array(content.utf8)
    let empty = Array("{}".utf8)
    let about = subject.map { digest in
      #","subject":{"mediaType":"\#(type).image.manifest.v1+json","digest":"\#(digest)","size":\#(self.bytes(of: digest)?.count ?? 0)}"#
    }
    let text = """
      {"schemaVersion":2,"mediaType":"\(type).image.manifest.v1+json","artifactType":"application/vnd.example+json",\
      "config":{"mediaType":"\(type).empty.v1+json","digest":"\(try add(empty, to: repository))","size":2},\
      "layers":[{"mediaType":"application/vnd.example+json","digest":"\(try add(bytes, to: repository))",\
      "size":\(bytes.count)}]\(about ?? "")}
      """
    return try add(manifest: text, to: repository, tag: tag)
  }

  /// Puts an index of manifests that the storage has into it, and returns its digest.
  @discardableResult
  public func add(index manifests: [String], to repository: String, tag: String? = nil) throws -> String {
    let type = "application/vnd.oci.image"
    let entries = manifests.map {
      #"{"mediaType":"\#(type).manifest.v1+json","digest":"\#($0)","size":\#(bytes(of: $0)?.count ?? 0)}"#
    }
    return try add(
      manifest:
        #"{"schemaVersion":2,"mediaType":"\#(type).index.v1+json","manifests":[\#(entries.joined(separator: ","))]}"#,
      to: repository, tag: tag)
  }

  /// Puts a manifest of whatever text into it, under a tag if one is given, and returns its digest.
  @discardableResult
  public func add(manifest text: String, to repository: String, tag: String?) throws -> String {
    let digest = try write(Array(text.utf8))
    let manifests = "\(path)/repositories/\(repository)/_manifests"
    try link(digest, in: "\(manifests)/revisions")
    if let tag {
      try link(digest, in: "\(manifests)/tags/\(tag)/index")
      try link(digest, at: "\(manifests)/tags/\(tag)/current")
    }
    return digest
  }

  private func add(_ blob: [UInt8], to repository: String) throws -> String {
    let digest = try write(blob)
    try link(digest, in: "\(path)/repositories/\(repository)/_layers")
    return digest
  }

  private func write(_ bytes: [UInt8]) throws -> String {
    let digest = BlobDigest.of(bytes)
    let hex = digest.drop { $0 != ":" }.dropFirst()
    let directory = "\(path)/blobs/sha256/\(hex.prefix(2))/\(hex)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: "\(directory)/data"))
    return digest
  }

  private func link(_ digest: String, in directory: String) throws {
    try link(digest, at: "\(directory)/\(digest.replacingOccurrences(of: ":", with: "/"))")
  }

  private func link(_ digest: String, at directory: String) throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try Data(digest.utf8).write(to: URL(fileURLWithPath: "\(directory)/link"))
  }
}
