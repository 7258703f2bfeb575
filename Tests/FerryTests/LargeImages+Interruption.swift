import Foundation
import TestSupport
import Testing

extension LargeImages {
  /// Starts an export that comes to one place, whatever the machine's speed, and stays there: of the layers in
  /// `stops` so many bytes arrive and no more; those in `whole` arrive. Returns once the journal of `archive`
  /// says so, but for what a transfer may be ahead of it.
  func startHeld(
    _ ferry: FerryProcess, _ arguments: [String], archive: String = "a.tar", at stops: [Int: Int],
    whole: [Int] = []
  ) throws -> ChildProcess {
    for (layer, count) in stops {
      gateway.add(.always(.stallAnswer(after: count), on: .pulledBlob.naming(layers[layer])))
    }
    let running = try ferry.command(arguments).start()
    var least: [String: Int] = [:]
    for (layer, count) in stops { least[layers[layer]] = count - ArchiveClaims.tail }
    for layer in whole { least[layers[layer]] = Self.sizes[layer] }
    #expect(try ArchiveClaims.wait(of: ferry.file(archive), for: least), "\(running.standardError)")
    return running
  }

  /// Ends an export by a signal at the place that ``startHeld(_:_:archive:at:whole:)`` brings it to; all is well
  /// with the line then.
  @discardableResult
  func interrupt(
    _ ferry: FerryProcess, _ arguments: [String], archive: String = "a.tar", at stops: [Int: Int],
    whole: [Int] = [], by signal: Int32 = SIGKILL
  ) throws -> CommandResult {
    let running = try startHeld(ferry, arguments, archive: archive, at: stops, whole: whole)
    running.signal(signal)
    let result = try #require(running.waitForEnd())
    #expect(gateway.waitUntilIdle())
    gateway.clearFaults()
    gateway.resetCounts()
    return result
  }
}
