import Foundation
import TestSupport
import Testing

/// Checksums are computed while an archive grows, also when it grew in two runs.
@Suite(.waiting) struct `The checksums of a large archive` {
  @Test(arguments: [1, 4]) func `are right though its export was killed half-way`(jobs: Int) throws {
    let images = try LargeImages()
    let ferry = try FerryProcess()
    let arguments = images.export(["one", "two"], to: "a.tar", jobs: jobs) + ["--checksum"]
    try images.interrupt(ferry, arguments, at: [0: 30 << 20])
    try ferry.run(arguments, exits: 0).complains("continuing with", "wrote a.tar.sha256")
    var check = Command("sha256sum", ["-c", "--strict", "a.tar.sha256"])
    check.directory = ferry.home.path
    #expect(try check.run().status == 0)
  }
}
