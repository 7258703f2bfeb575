import Digests
import Foundation
import Images
import Layouts
import TestSupport
import Testing

@Suite struct `Other tools` {
  let scratch: ScratchDirectory
  let image: TestImage
  let multi: TestImage

  init() throws {
    scratch = try ScratchDirectory()
    let base = try TestImage.Layer("base", size: 5000)
    image = try TestImage("old.example/team/app:1.0", layers: [base, TestImage.Layer("own")])
    let arm = try TestImage("old.example/team/app:arm", layers: [base], architecture: "arm64")
    multi = try TestImage("old.example/team/multi:2", index: [image, arm])
  }

  func extracted(_ images: [TestImage]) throws -> String {
    try TestArchive.write(images, to: scratch("a.tar"))
    try FileManager.default.createDirectory(atPath: scratch("layout"), withIntermediateDirectories: false)
    try Peer.run("tar", "-xf", scratch("a.tar"), "-C", scratch("layout"))
    return scratch("layout")
  }

  @Test func `GNU tar and Python list every entry alike`() throws {
    try TestArchive.write([image, multi], to: scratch("a.tar"))
    let gnu = Peer.text(try Peer.run("tar", "-tf", scratch("a.tar"))).split(separator: "\n").map(String.init)
    let python = Peer.text(
      try Peer.run(
        "python3", "-c",
        """
        import sys, tarfile
        for m in tarfile.open(sys.argv[1]):
          assert (m.mode, m.uid, m.gid, m.uname, m.gname, m.mtime) == (0o644, 0, 0, '', '', 0), m
          print(m.name)
        """, scratch("a.tar"))
    ).split(separator: "\n").map(String.init)
    #expect(gnu == python)
    #expect(Array(gnu.prefix(4)) == ["oci-layout", "index.json", "manifest.json", "ferry.json"])
  }

  @Test func `skopeo reads the manifest's very bytes, and copies the image`() throws {
    for image in [image, multi] {
      try TestArchive.write([image], to: scratch("a.tar"), replacing: true)
      let raw = try Peer.run("skopeo", "inspect", "--raw", "oci-archive:\(scratch("a.tar"))")
      #expect(raw == image.manifests[0].bytes)
      let tag = try #require(image.reference.tag)
      try Peer.run(
        "skopeo", "copy", "-q", "--all", "oci-archive:\(scratch("a.tar")):\(tag)",
        "dir:\(scratch("d-\(tag)"))")
      for blob in image.blobs {
        let copied = try scratch.read("d-\(tag)/\(Digest(of: blob).hex)")
        #expect(copied == blob)
      }
    }
  }

  @Test func `skopeo finds one of many images by its full name`() throws {
    let path = try extracted([image, multi])
    for image in [image, multi] {
      let raw = try Peer.run("skopeo", "inspect", "--raw", "oci:\(path):\(image.reference)")
      #expect(raw == image.manifests[0].bytes)
    }
  }

  @Test func `oci-image-tool finds images valid`() throws {
    let path = try extracted([image, multi])
    try Peer.run(
      "oci-image-tool", "validate", "--type", "image", "--ref", "name=\(image.reference)", path)
    let index = try #require(FileManager.default.contents(atPath: path + "/index.json"))
    try scratch.write([UInt8](index), to: "index.json")
    try Peer.run("oci-image-tool", "validate", "--type", "imageIndex", scratch("index.json"))
  }

  @Test func `umoci unpacks an image`() throws {
    let path = try extracted([image])
    try Peer.run("umoci", "unpack", "--rootless", "--image", "\(path):1.0", scratch("bundle"))
    #expect(try scratch.read("bundle/rootfs/base").count == 5000)
  }
}
