import Digests
import Foundation
import Images
import TestSupport
import Testing

@testable import Layouts

/// Journal, plan and file as pure values: runs that write, are killed, and go on with other images.
struct `A continued archive, as a model` {
  struct Blob {
    let bytes: [UInt8]
    let digest: Digest

    init(_ size: Int, using random: inout SeededGenerator) {
      bytes = random.bytes(size)
      digest = Digest(of: bytes)
    }

    func content(_ have: Int) -> Digest { Digest(of: Array(bytes[..<have])) }
  }

  /// A file and the journal beside it.
  struct Disk {
    var file: [UInt8] = []
    var journal: [JournalRecord] = []

    mutating func write(_ bytes: some Collection<UInt8>, at offset: Int) {
      if file.count < offset + bytes.count {
        file += [UInt8](repeating: 0, count: offset + bytes.count - file.count)
      }
      file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    var state: JournalState? {
      var reader = JournalReader()
      for record in journal { reader.take(record.line) }
      return reader.state
    }
  }

  /// Something that a run does: it writes, or tells the journal.
  enum Event {
    case write([UInt8], at: Int)
    case record(JournalRecord)
    /// All before it is on the disk, data and journal.
    case settle
  }

  /// A plan of some of the blobs, each an image's layer, in a random order.
  static func plan(_ blobs: [Blob], using random: inout SeededGenerator) throws -> ArchivePlan {
    var images: [(reference: Reference, root: Descriptor)] = []
    var manifests: [Manifest] = []
    for (index, blob) in blobs.shuffled(using: &random).enumerated() {
      let padding = String(repeating: "x", count: Int.random(in: 0...900, using: &random))
      let text = """
        {"schemaVersion":2,"mediaType":"\(MediaType.ociManifest)","config":{"mediaType":\
        "\(MediaType.ociConfig)","digest":"\(blob.digest)","size":\(blob.bytes.count)},"layers":[],\
        "annotations":{"x":"\(padding)"}}
        """
      let manifest = try Manifest(bytes: Array(text.utf8), mediaType: nil)
      images.append((try Reference("h.example/a:t\(index)"), manifest.descriptor))
      manifests.append(manifest)
    }
    return try ArchivePlan(images: images, manifests: manifests, blobs: manifests.flatMap(\.blobs))
  }

  /// What a run does with what is there, step by step. Each event is complete before the next begins.
  static func events(
    _ plan: ArchivePlan, on disk: Disk, blobs: [Digest: Blob], room: Int64,
    using random: inout SeededGenerator
  ) -> (events: [Event], continuation: ArchiveContinuation?) {
    var events: [Event] = [.record(plan.record(volumeSize: nil))]
    var file = disk.file
    var starts: [Digest: Int] = [:]
    let continuation = disk.state.map {
      ArchiveContinuation(of: plan, from: $0, fileSize: Int64(file.count), room: room)
    }
    if let continuation {
      events += continuation.forgotten.map { .record(.forgotten($0)) }
      var scene = Disk(file: file)
      var unsettled = UnsettledSteps()
      func settle() {
        events += [.settle] + unsettled.records.map { .record($0) } + [.settle]
        unsettled.removeAll()
      }
      for move in continuation.moves {
        move.forEachStep(scratch: continuation.scratch, stepSize: 700, detourSize: 900, shortestWay: 300) {
          step in
          if unsettled.isDue(before: step) { settle() }
          let bytes = Array(scene.file[Int(step.from)..<Int(step.from + step.count)])
          #expect(abs(step.from - step.to) >= step.count, "a copy over itself")
          scene.write(bytes, at: Int(step.to))
          events.append(.write(bytes, at: Int(step.to)))
          unsettled.add(step)
        }
      }
      settle()
      file = scene.file
      for (digest, claim) in continuation.claims {
        starts[digest] = recover(digest, claim, at: plan, file: file)
      }
    }
    plan.knownPieces.forEach { events.append(.write($0.bytes, at: Int($0.offset))) }
    // All transfers run at once, a piece at a time.
    var positions = plan.blobs.map { starts[$0.digest] ?? 0 }
    while let index = plan.blobs.indices.filter({ positions[$0] < Int(plan.blobs[$0].size) })
      .randomElement(using: &random)
    {
      let planned = plan.blobs[index]
      guard let blob = blobs[planned.digest] else { break }
      let end = min(positions[index] + Int.random(in: 1...900, using: &random), blob.bytes.count)
      events.append(
        .write(Array(blob.bytes[positions[index]..<end]), at: Int(planned.offset) + positions[index]))
      positions[index] = end
      if end == blob.bytes.count || Bool.random(using: &random),
        let claim = JournalClaim(
          blob: blob.digest, size: planned.size, offset: planned.offset, have: Int64(end),
          content: blob.content(end))
      {
        events.append(.record(.progress(claim)))
        if Int.random(in: 0..<4, using: &random) == 0 { events.append(.settle) }
      }
    }
    return (events, continuation)
  }

  /// As the writer does it: the longest prefix that a checkpoint vouches for.
  static func recover(
    _ digest: Digest, _ claim: ArchiveContinuation.Claim, at plan: ArchivePlan, file: [UInt8]
  ) -> Int {
    guard let extent = plan.extent(of: digest) else { return 0 }
    var trusted = 0
    for checkpoint in claim.checkpoints {
      let range = Int(extent.offset)..<Int(extent.offset + checkpoint.have)
      guard range.upperBound <= file.count else { break }
      if Digest(of: Array(file[range])) == checkpoint.content { trusted = Int(checkpoint.have) }
    }
    return trusted
  }

  /// Runs until it is killed: nothing after the first `count` events happens, and the next one by half.
  static func run(_ events: [Event], killedAfter count: Int, on disk: inout Disk) {
    for (index, event) in events.prefix(count + 1).enumerated() {
      switch event {
      case .write(let bytes, let offset):
        disk.write(index < count ? bytes[...] : bytes[..<(bytes.count / 2)], at: offset)
      case .record(let record): if index < count { disk.journal.append(record) }
      case .settle: break
      }
    }
  }

  /// Runs until the power goes: of what came after the last settling, anything may be missing of the writes, and of
  /// the journal what comes after some record. Returns how many events are certain.
  static func run(
    _ events: [Event], cutAfter count: Int, on disk: inout Disk, using random: inout SeededGenerator
  ) -> Int {
    let certain = events.prefix(count).lastIndex { if case .settle = $0 { true } else { false } } ?? 0
    let lastRecord = Int.random(in: certain...max(certain, count), using: &random)
    let lost = Int.random(in: 0...10, using: &random)
    for (index, event) in events.prefix(count).enumerated() {
      switch event {
      case .write(let bytes, let offset):
        if index < certain || Int.random(in: 0..<10, using: &random) >= lost { disk.write(bytes, at: offset) }
      case .record(let record): if index <= lastRecord { disk.journal.append(record) }
      case .settle: break
      }
    }
    return certain
  }

  static func blobs(_ random: inout SeededGenerator) -> [Blob] {
    (0..<Int.random(in: 2...7, using: &random)).map { _ in
      Blob(Int.random(in: 1...(Bool.random(using: &random) ? 200 : 9000), using: &random), using: &random)
    }
  }

  @Test(arguments: 0..<150, [false, true])
  func `loses nothing that is wanted, however often it is killed`(seed: Int, byPowerCut: Bool) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let blobs = Self.blobs(&random)
    let byDigest = Dictionary(blobs.map { ($0.digest, $0) }) { first, _ in first }
    var disk = Disk()
    // What is certain to be there: checkpoints of blobs that were wanted ever since.
    var certain: [Digest: Int] = [:]
    for _ in 0..<5 {
      let wanted =
        Bool.random(using: &random) ? blobs : blobs.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
      guard !wanted.isEmpty else { continue }
      let plan = try Self.plan(wanted, using: &random)
      let (events, continuation) = Self.events(
        plan, on: disk, blobs: byDigest, room: .max, using: &random)
      for (digest, have) in certain where plan.extent(of: digest) != nil {
        #expect(continuation?.claims[digest]?.have ?? 0 >= have, "seed \(seed)")
      }
      var count = Int.random(in: 0...events.count, using: &random)
      // What is not wanted any more may have been overwritten since.
      if count > 0 { certain = certain.filter { plan.extent(of: $0.key) != nil } }
      if byPowerCut {
        count = Self.run(events, cutAfter: count, on: &disk, using: &random)
      } else {
        Self.run(events, killedAfter: count, on: &disk)
      }
      for case .record(.progress(let claim)) in events.prefix(count) {
        certain[claim.blob] = max(certain[claim.blob] ?? 0, Int(claim.have))
      }
      // Nothing that is certain was lost, wherever it lies by now.
      let state = disk.state ?? JournalState(archive: plan.archiveDigest, images: [])
      let same = ArchiveContinuation(of: plan, from: state, fileSize: Int64(disk.file.count), room: .max)
      var moved = disk
      for move in same.moves {
        move.forEachStep(scratch: same.scratch, stepSize: 700, detourSize: 900, shortestWay: 300) { step in
          let bytes = Array(moved.file[Int(step.from)..<Int(step.from + step.count)])
          moved.write(bytes, at: Int(step.to))
        }
      }
      for (digest, have) in certain where plan.extent(of: digest) != nil {
        let claim = try #require(same.claims[digest], "seed \(seed)")
        #expect(Self.recover(digest, claim, at: plan, file: moved.file) >= have, "seed \(seed)")
      }
    }
    // Undisturbed to the end.
    let plan = try Self.plan(blobs, using: &random)
    let (events, _) = Self.events(plan, on: disk, blobs: byDigest, room: .max, using: &random)
    Self.run(events, killedAfter: events.count, on: &disk)
    for planned in plan.blobs {
      let range = Int(planned.offset)..<Int(planned.offset + planned.size)
      #expect(Array(disk.file[range]) == byDigest[planned.digest]?.bytes, "seed \(seed)")
    }
  }

  @Test(arguments: 0..<150)
  func `is right whatever part of journal and writes a power cut leaves`(seed: Int) throws {
    var random = SeededGenerator(seed: 1000 + UInt64(seed))
    let blobs = Self.blobs(&random)
    let byDigest = Dictionary(blobs.map { ($0.digest, $0) }) { first, _ in first }
    var disk = Disk()
    for round in 0..<4 {
      let plan = try Self.plan(blobs, using: &random)
      let room: Int64 = [0, 500, Int64.max].randomElement(using: &random) ?? 0
      let (events, continuation) = Self.events(plan, on: disk, blobs: byDigest, room: room, using: &random)
      for (digest, claim) in continuation?.claims ?? [:] {
        #expect(claim.have <= Int64(byDigest[digest]?.bytes.count ?? 0))
      }
      let records = Int.random(in: 0...events.count, using: &random)
      let lost = round == 3 ? 0 : Int.random(in: 0...3, using: &random)
      for (index, event) in events.enumerated() {
        switch event {
        case .write(let bytes, let offset):
          if round == 3 || Int.random(in: 0..<10, using: &random) >= lost { disk.write(bytes, at: offset) }
        case .record(let record): if round == 3 || index < records { disk.journal.append(record) }
        case .settle: break
        }
      }
      guard round == 3 else { continue }
      for planned in plan.blobs {
        let range = Int(planned.offset)..<Int(planned.offset + planned.size)
        #expect(Array(disk.file[range]) == byDigest[planned.digest]?.bytes, "seed \(seed)")
      }
    }
  }

  @Test(arguments: 0..<300) func `is relocated without overwriting what still has to move`(seed: Int) throws {
    var random = SeededGenerator(seed: 2000 + UInt64(seed))
    // Pieces in a random order with random gaps, before and after.
    let sizes = (0..<Int.random(in: 1...12, using: &random)).map { _ in
      Int.random(in: 1...3000, using: &random)
    }
    func places() -> [Int] {
      var offset = 0
      var places = Array(repeating: 0, count: sizes.count)
      for index in sizes.indices.shuffled(using: &random) {
        offset += Bool.random(using: &random) ? 0 : Int.random(in: 0...1500, using: &random)
        places[index] = offset
        offset += sizes[index]
      }
      return places
    }
    let (before, after) = (places(), places())
    let contents = sizes.map { random.bytes($0) }
    var disk = Disk()
    for index in sizes.indices { disk.write(contents[index], at: before[index]) }
    let end = max(disk.file.count, zip(after, sizes).map { $0 + $1 }.max() ?? 0)
    let moves = sizes.indices.map { index in
      BlobMove(
        blob: Digest(of: contents[index]), first: 0, count: Int64(sizes[index]), from: Int64(before[index]),
        to: Int64(after[index]))
    }
    let largest = Int64(sizes.max() ?? 0)
    let room: Int64 = [0, largest, .max].randomElement(using: &random) ?? 0
    let relocation = Relocation(moves.filter { $0.from != $0.to }, room: room, end: Int64(end))
    if room == .max { #expect(relocation.dropped.isEmpty) }
    #expect(relocation.scratch - Int64(end) <= room)
    for move in relocation.moves {
      move.forEachStep(scratch: relocation.scratch, stepSize: 700, detourSize: 900, shortestWay: 300) {
        step in
        disk.write(Array(disk.file[Int(step.from)..<Int(step.from + step.count)]), at: Int(step.to))
      }
    }
    for index in sizes.indices where !relocation.dropped.contains(Digest(of: contents[index])) {
      #expect(Array(disk.file[after[index]..<after[index] + sizes[index]]) == contents[index], "seed \(seed)")
    }
  }

  @Test func `parks one blob where two change places`() {
    let (one, other) = (Digest(of: [1]), Digest(of: [2]))
    let moves = [
      BlobMove(blob: one, first: 0, count: 2000, from: 0, to: 1000),
      BlobMove(blob: other, first: 0, count: 1000, from: 2000, to: 0),
    ]
    let parked = Relocation(moves, room: 1000, end: 3000)
    #expect(parked.dropped.isEmpty)
    #expect(parked.scratch == 4000)
    #expect(parked.moves.map(\.blob) == [other, one, other])
    let dropped = Relocation(moves, room: 999, end: 3000)
    #expect(dropped.dropped == [other])
    #expect(dropped.moves.map(\.blob) == [one])
    #expect(dropped.scratch == 3000)
  }
}

extension ArchivePlan {
  fileprivate var knownPieces: [KnownPiece] {
    var pieces: [KnownPiece] = []
    try? forEachKnownPiece { pieces.append($0) }
    return pieces
  }
}
