import Digests
import Foundation
import TestSupport
import Testing

@testable import Images

/// What docker itself made of an image of schema 1: recorded from docker 20.10.24, which pulled `docker-20.10-schema1.json`
/// from Debian's registry. Its image's ID is the digest of the config that it made.
@Suite struct `A conversion that docker made too` {
  private static let imageID = "sha256:e146e08f7a247c22073ca1249f1a81d6c3d78a6d1ae672979fcf59dd05a83e3e"
  /// Of the layers with content, from the lowest on: their digests, and those of what docker unpacked.
  private static let layers = [
    (
      "sha256:6f49bb4eba3b2189e3243e3546d351ea8391970a207eae114cfaddaf9b0afc9d",
      "sha256:fe557b0746497b4c93b15441f4681b79e95b9d5d9507c06c49d9a54a5b2188f4"
    ),
    (
      "sha256:c197dd8e1e58a4ed0bab1586ed56b04aa3b2403044ec7de7222d3820b412e7a9",
      "sha256:db40824e4ca8cc2bb064da2bc98b7fa11a75a6fff6b6ba8217287783ad80b7db"
    ),
    (
      "sha256:513d2cf2b4b0a87c2ea6b19db7eb9aba3703e03013b0415612e9b66fb9af6bbe",
      "sha256:3ea03360835a4d7ba228bfda2926bb431fa207ffe1ca000b710eb7a16934e593"
    ),
  ]

  @Test func `has the image ID that docker gave it`() throws {
    let path = PackageDirectory.path + "/fixtures/golden/docker-20.10-schema1.json"
    let document = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let image = try Schema1Manifest(bytes: document)
    #expect("\(image.digest)" == "sha256:c02d744fcc60bae0a88f0338f811f1708df9c01ee2cfd419c63f8038996adbda")
    let blobs = image.blobs.map { Descriptor(mediaType: .dockerGzipLayer, digest: $0, size: 7) }
    let diffIDs = try Dictionary(
      uniqueKeysWithValues: Self.layers.map { (try Digest($0.0), try Digest($0.1)) })
    let new = try Schema1Conversion(of: image, blobs: blobs, diffIDs: diffIDs)
    #expect("\(Digest(of: new.config))" == Self.imageID, "\(String(decoding: new.config, as: UTF8.self))")
  }
}
