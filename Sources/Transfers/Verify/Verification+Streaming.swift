import Digests
import Images
import Layouts

extension Verification {
  /// Reads an archive that passes by to its end, or to where nothing more can be had of it: every blob, and what is
  /// wrong outside the blobs. Blocks.
  func read(
    _ stream: StreamedLayout, unpacking layers: Set<Digest>
  ) throws -> (readings: [BlobReading], problems: [LayoutProblem]) {
    settings.observer.expect(bytes: stream.blobs.map(\.size).saturatingSum())
    // The manifests are in the front and were proved as it was read.
    var readings = stream.manifests.map { BlobReading(digest: $0, problem: nil, diffID: nil) }
    do {
      while let due = stream.blob {
        let meter = TransferMeter(due.descriptor, observer: settings.observer)
        let reading = try unsafe BlobReading.read(
          due.digest, size: due.size, unpacks: layers.contains(due.digest), progress: meter.advance
        ) { buffer, offset in try unsafe stream.read(due.digest, into: buffer, at: offset) }
        readings.append(reading)
        // Whether its bytes are the right ones or not: that is found, and what follows is to be read too.
        try stream.skip()
      }
    } catch LayoutError.brokenStream(_, let problems) {
      return (readings, stream.problems + problems)
    }
    return (readings, stream.problems)
  }
}
