import Foundation

/// An image of Docker's schema 1, as docker of 2016 pushed it: signed with a key of its own, as libtrust signs.
public struct Schema1Image: Sendable {
  /// What a manifest of such an image is pushed and asked for as.
  public static let type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
  /// What stands for a layer without content: the same 32 bytes everywhere.
  public static let emptyLayer: [UInt8] = [
    31, 139, 8, 0, 0, 9, 110, 136, 0, 255, 98, 24, 5, 163, 96, 20, 140, 88, 0, 8, 0, 0, 255, 255, 46, 175,
    181, 239,
    0, 4, 0, 0,
  ]

  /// One entry of its history, with a layer or without.
  public struct Layer: Sendable {
    public let blob: [UInt8]
    /// What docker says of it, as JSON without `id` and `parent`, which its place in the image gives.
    public let description: String
    public let isThrowaway: Bool

    /// A layer of `blob`, or, where that is nil, an entry of the history alone.
    public init(_ blob: [UInt8]?, _ description: String) {
      self.blob = blob ?? Schema1Image.emptyLayer
      self.description = description
      isThrowaway = blob == nil
    }
  }

  /// From the lowest to the highest.
  public let layers: [Layer]
  private let key: TokenKey

  public init(_ layers: [Layer]) throws {
    self.layers = layers
    key = try TokenKey()
  }

  /// A gzip-compressed tar of `files`; a name that ends in a slash is a directory's, and a text that begins with `->` a link's.
  public static func layer(_ files: [(name: String, text: String)]) throws -> [UInt8] {
    let directory = TemporaryDirectory()
    let tree = "\(directory.path)/tree"
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
    for (name, text) in files {
      let path = "\(tree)/\(name)"
      if name.hasSuffix("/") {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        continue
      }
      try FileManager.default.createDirectory(
        atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path, withIntermediateDirectories: true
      )
      if text.hasPrefix("->") {
        try FileManager.default.createSymbolicLink(
          atPath: path, withDestinationPath: String(text.dropFirst(2)))
      } else {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      }
    }
    return try packed(tree)
  }

  /// A gzip-compressed tar of a directory, always the same bytes for the same files.
  public static func packed(_ directory: String) throws -> [UInt8] {
    let tar = try Command(
      "tar",
      [
        "-C", directory, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0",
        "--format=ustar", "-c", ".",
      ]
    ).run()
    var gzip = Command("gzip", ["-n", "-c"])
    gzip.input = tar.output
    return try gzip.run().output
  }

  /// What its signatures are for, under this name.
  public func payload(name: String, tag: String) throws -> [UInt8] {
    func quoted(_ text: String) throws -> String {
      String(
        decoding: try JSONSerialization.data(
          withJSONObject: text, options: [.fragmentsAllowed, .withoutEscapingSlashes]),
        as: UTF8.self)
    }
    func id(_ index: Int) -> String { String(BlobDigest.of(Array("layer \(index)".utf8)).dropFirst(7)) }
    let history = try layers.enumerated().map { index, layer in
      let parent = index == 0 ? "" : #","parent":"\#(id(index - 1))""#
      let throwaway = layer.isThrowaway ? #","throwaway":true"# : ""
      let rest = layer.description.dropFirst().dropLast()
      let text = #"{"id":"\#(id(index))"\#(parent)\#(rest.isEmpty ? "" : ",")\#(rest)\#(throwaway)}"#
      return "      {\n         \"v1Compatibility\": \(try quoted(text))\n      }"
    }
    let blobs = layers.map {
      "      {\n         \"blobSum\": \"\(BlobDigest.of($0.blob))\"\n      }"
    }
    return Array(
      """
      {
         "schemaVersion": 1,
         "name": \(try quoted(name)),
         "tag": \(try quoted(tag)),
         "architecture": "amd64",
         "fsLayers": [
      \(blobs.reversed().joined(separator: ",\n"))
         ],
         "history": [
      \(history.reversed().joined(separator: ",\n"))
         ]
      }
      """.utf8)
  }

  /// The digest that registries know it by under this name.
  public func digest(name: String, tag: String) throws -> String {
    BlobDigest.of(try payload(name: name, tag: tag))
  }

  /// Its manifest under this name, signed anew.
  public func document(name: String, tag: String) throws -> [UInt8] {
    let payload = try payload(name: name, tag: tag)
    let tail = "\n}"
    let kept = payload.count - tail.utf8.count
    let header =
      #"{"formatLength":\#(kept),"formatTail":"\#(url(Array(tail.utf8)))","time":"2016-03-01T00:00:00Z"}"#
    let protected = url(Array(header.utf8))
    let signature = try key.signature(of: Array("\(protected).\(url(payload))".utf8))
    let point = try key.point
    let text = """
      ,
         "signatures": [
            {
               "header": {
                  "jwk": {
                     "crv": "P-256",
                     "kty": "EC",
                     "x": "\(url(Array(point.prefix(32))))",
                     "y": "\(url(Array(point.suffix(32))))"
                  },
                  "alg": "ES256"
               },
               "signature": "\(url(signature))",
               "protected": "\(protected)"
            }
         ]
      }
      """
    return Array(payload.prefix(kept)) + Array(text.utf8)
  }

  private func url(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }

  /// Pushes it, layers and all, as docker did; returns the digest that the registry gives it.
  @discardableResult
  public func push(to registry: RegistryProcess, _ name: String, tag: String) throws -> String {
    let directory = TemporaryDirectory()
    let body = "\(directory.path)/body"
    for blob in Set(layers.map(\.blob)) {
      try Data(blob).write(to: URL(fileURLWithPath: body))
      let answer = try curl(["-X", "POST", "\(registry.url)/v2/\(name)/blobs/uploads/"])
      guard let location = answer.firstMatch(of: /(?i)location: (\S+)/)?.1 else {
        throw TestFailure("no upload: \(answer)")
      }
      let mark = location.contains("?") ? "&" : "?"
      _ = try curl([
        "-X", "PUT", "-H", "Content-Type: application/octet-stream", "--data-binary", "@\(body)",
        "\(location)\(mark)digest=\(BlobDigest.of(blob))",
      ])
    }
    try Data(document(name: name, tag: tag)).write(to: URL(fileURLWithPath: body))
    let answer = try curl([
      "-X", "PUT", "-H", "Content-Type: \(Self.type)", "--data-binary", "@\(body)",
      "\(registry.url)/v2/\(name)/manifests/\(tag)",
    ])
    guard let digest = answer.firstMatch(of: /(?i)docker-content-digest: (\S+)/)?.1 else {
      throw TestFailure("no digest: \(answer)")
    }
    return String(digest)
  }

  private func curl(_ arguments: [String]) throws -> String {
    try Command.run("curl", ["-s", "-S", "--fail-with-body", "-i", "--noproxy", "*"] + arguments)
  }
}
