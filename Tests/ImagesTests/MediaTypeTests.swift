import Testing

@testable import Images

struct `A media type` {
  @Test func `of a manifest is an index's, an image's or an artifact's`() {
    for type in MediaType.manifests where !type.isSchema1 {
      #expect(type.isManifest)
      #expect([type.isIndex, type.isImageManifest, type.isArtifactManifest].count { $0 } == 1)
    }
    #expect(MediaType.manifests.count { $0.isSchema1 } == 2)
    #expect(!MediaType.dockerSchema1Signed.isManifest)
    #expect(!MediaType.ociConfig.isManifest)
  }

  @Test func `tells configs from what is none`() {
    #expect(MediaType.ociConfig.isImageConfig && MediaType.dockerConfig.isImageConfig)
    #expect(!MediaType.ociEmpty.isImageConfig)
  }

  @Test(arguments: [
    ("application/vnd.oci.image.layer.v1.tar", true, false),
    ("application/vnd.oci.image.layer.v1.tar+gzip", true, false),
    ("application/vnd.oci.image.layer.v1.tar+zstd", true, false),
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", true, false),
    ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", true, true),
    ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true, true),
    ("application/vnd.in-toto+json", false, false),
    ("application/vnd.oci.empty.v1+json", false, false),
    ("", false, false),
  ])
  func `of a layer says where to find it`(text: String, isLayer: Bool, isForeign: Bool) {
    #expect(MediaType(rawValue: text).isLayer == isLayer)
    #expect(MediaType(rawValue: text).isForeignLayer == isForeign)
  }

  @Test(arguments: [
    ("application/vnd.oci.image.index.v1+json", MediaType.ociIndex),
    ("application/vnd.oci.image.index.v1+json; charset=utf-8", .ociIndex),
    (" Application/VND.OCI.image.index.v1+JSON\t;x", .ociIndex),
    ("", MediaType(rawValue: "")), (";", MediaType(rawValue: "")), ("  ", MediaType(rawValue: "")),
    (" ; charset=x", MediaType(rawValue: "")),
  ])
  func `is what stands before a header's parameters`(header: String, expected: MediaType) {
    #expect(MediaType(contentType: header) == expected)
  }
}
