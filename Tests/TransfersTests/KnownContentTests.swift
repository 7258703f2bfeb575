import Digests
import Images
import Layouts
import Testing

@testable import Transfers

@Suite struct `What the other side is known to have` {
  private func source(_ byte: UInt8) -> KnownSource {
    KnownSource(kind: .archive, name: "\(byte).tar", digest: Digest(of: [byte]))
  }

  private func blob(_ byte: UInt8, size: Int64 = 1) -> Descriptor {
    Descriptor(mediaType: .ociConfig, digest: Digest(of: [byte]), size: size)
  }

  @Test func `is the same in whatever order it is learnt`() {
    let lessons: [(blobs: [UInt8], repository: String?, source: UInt8)] = [
      ([1, 2], "a/x", 1), ([2, 3], "a/w", 1), ([1, 3, 4], "b/x", 2), ([4], nil, 3), ([], nil, 4),
    ]
    var first: KnownContent?
    for _ in 0..<50 {
      var known = KnownContent()
      for lesson in (lessons + lessons).shuffled() {
        known.add(lesson.blobs.map { blob($0) }, of: lesson.repository, by: source(lesson.source), .hashed)
      }
      let all = (1...5).map { blob($0) }
      let expected = first ?? known
      first = expected
      #expect(known.sources == expected.sources && known.sources.count == 4)
      #expect(known.omissions(from: all) == expected.omissions(from: all))
      #expect(known.omissions(from: all).count == 4)
      #expect(all.map(known.holds) == [true, true, true, true, false])
    }
  }

  @Test func `is known by what proves it before what claims it`() {
    for sources in [[1, 2], [2, 1]] as [[UInt8]] {
      var known = KnownContent()
      known.add([blob(1)], of: nil, by: source(sources[0]), .claimed)
      known.add([blob(1)], of: nil, by: source(sources[1]), .hashed)
      #expect(known.omissions(from: [blob(1)]).map(\.source) == [source(sources[1]).digest])
    }
  }

  @Test func `is left out once however many images have it`() {
    var known = KnownContent()
    known.add([blob(1), blob(2)], of: nil, by: source(1), .hashed)
    let wanted = Array(repeating: [blob(1), blob(3), blob(2)], count: 100).flatMap(\.self)
    #expect(known.omissions(from: wanted).map(\.descriptor) == [blob(1), blob(2)])
  }

  @Test func `has the size that it is known with`() {
    var known = KnownContent()
    known.add([blob(1)], of: nil, by: source(1), .hashed)
    #expect(!known.holds(blob(1, size: 2)))
    #expect(known.omissions(from: [blob(1, size: 2)]).isEmpty)
  }
}
