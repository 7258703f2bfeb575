import Digests

/// Finds an order in which bytes can change places inside one file, none overwriting what still has to move.
/// Where places are exchanged in a circle, the smallest goes behind the file's end for the time being; when
/// there is no room for it, its blob is given up.
struct Relocation {
  private(set) var moves: [BlobMove] = []
  private(set) var dropped: Set<Digest> = []
  /// Behind all that is used.
  private(set) var scratch: Int64

  private var room: Int64
  private var waiting: [BlobMove]
  /// For each move those whose bytes still lie where it wants to go.
  private var obstacles: [Set<Int>]
  /// For each move those that wait for it.
  private var followers: [[Int]]
  private var ready: [Int] = []
  private var isDone: [Bool]

  /// Neither the places that bytes move from nor those they move to overlap one another.
  init(_ wanted: [BlobMove], room: Int64, end: Int64) {
    waiting = wanted.sorted { ($0.from, $0.first) < ($1.from, $1.first) }
    self.room = room
    scratch = end
    obstacles = Array(repeating: [], count: waiting.count)
    followers = Array(repeating: [], count: waiting.count)
    isDone = Array(repeating: false, count: waiting.count)
    for index in waiting.indices { findObstacles(of: index) }
    ready = waiting.indices.filter { obstacles[$0].isEmpty }.reversed()
    var unfinished = 0
    while true {
      if let index = ready.popLast() {
        guard !isDone[index] else { continue }
        isDone[index] = true
        moves.append(waiting[index])
        vacate(index)
      } else {
        while unfinished < waiting.count, isDone[unfinished] { unfinished += 1 }
        guard unfinished < waiting.count else { return }
        breakCircle(from: unfinished)
      }
    }
  }

  private mutating func findObstacles(of index: Int) {
    let (start, end) = (waiting[index].to, waiting[index].to + waiting[index].count)
    var low = 0
    var high = waiting.count
    while low < high {
      let middle = (low + high) / 2
      if waiting[middle].from + waiting[middle].count <= start { low = middle + 1 } else { high = middle }
    }
    while low < waiting.count, waiting[low].from < end {
      // What lies in its own way is moved in steps.
      if low != index {
        obstacles[index].insert(low)
        followers[low].append(index)
      }
      low += 1
    }
  }

  /// The bytes of `index` no longer lie where they did.
  private mutating func vacate(_ index: Int) {
    for follower in followers[index] where obstacles[follower].remove(index) != nil {
      if obstacles[follower].isEmpty { ready.append(follower) }
    }
    followers[index] = []
  }

  private mutating func breakCircle(from start: Int) {
    var path = [start]
    var met: Set<Int> = [start]
    while let last = path.last, let next = obstacles[last].min() {
      if !met.insert(next).inserted {
        path.removeFirst(path.firstIndex(of: next) ?? 0)
        break
      }
      path.append(next)
    }
    let smallest = path.min { (waiting[$0].count, $0) < (waiting[$1].count, $1) } ?? start
    if waiting[smallest].count <= room {
      let move = waiting[smallest]
      moves.append(
        BlobMove(blob: move.blob, first: move.first, count: move.count, from: move.from, to: scratch))
      waiting[smallest].from = scratch
      room -= move.count
      scratch += move.count
      vacate(smallest)
    } else {
      let blob = waiting[smallest].blob
      dropped.insert(blob)
      moves.removeAll { $0.blob == blob }
      for index in waiting.indices where waiting[index].blob == blob && !isDone[index] {
        isDone[index] = true
        vacate(index)
      }
    }
  }
}

/// Bytes of a blob that have to lie elsewhere in the file.
struct BlobMove: Hashable, Sendable {
  let blob: Digest
  /// The blob's byte that they begin with.
  let first: Int64
  let count: Int64
  var from: Int64
  let to: Int64

  /// One copy between places that do not overlap.
  struct Step: Hashable, Sendable {
    let from: Int64
    let to: Int64
    let count: Int64
    /// What the journal is told afterwards.
    let record: JournalRecord
  }

  /// How much is copied at once, in bytes.
  static let stepSize: Int64 = 4 << 20
  /// The same by way of the scratch, where the disk is waited for after each of the two copies.
  static let detourSize: Int64 = 32 << 20
  /// Bytes that move less far go by way of the scratch: in steps as short as the way they would take for
  /// ever.
  static let shortestWay: Int64 = 1 << 20

  /// Hands out the copies that make this move, in order. Whenever it is broken off, every byte lies where the
  /// journal says. `scratch` is a free place for `detourSize` bytes.
  func forEachStep<Failure: Error>(
    scratch: Int64, stepSize: Int64 = stepSize, detourSize: Int64 = detourSize,
    shortestWay: Int64 = shortestWay,
    _ body: (Step) throws(Failure) -> Void
  ) throws(Failure) {
    let way = abs(to - from)
    let isDetour = way < min(count, shortestWay)
    let size = isDetour ? detourSize : min(stepSize, way)
    var done: Int64 = 0
    while done < count {
      let length = min(size, count - done)
      // Towards the file's front the front goes first, towards its end the end.
      let start = to < from ? done : count - done - length
      if isDetour {
        try body(step(start, length, from: from + start, to: scratch))
        try body(step(start, length, from: scratch, to: to + start))
      } else {
        try body(step(start, length, from: from + start, to: to + start))
      }
      done += length
    }
  }

  private func step(_ start: Int64, _ length: Int64, from: Int64, to: Int64) -> Step {
    Step(
      from: from, to: to, count: length,
      record: .moved(blob, first: first + start, count: length, offset: to))
  }
}

/// The copies of a relocation that are made but may not be on the disk yet. A pure value.
///
/// The journal hears of them only when they are: a record that outlived its bytes would lose what lies where
/// they came from. And until it has heard, that must stay.
struct UnsettledSteps {
  private var steps: [BlobMove.Step] = []

  /// How many bytes are settled at once, but for the last step: none stops that, nor Ctrl-C.
  private static let most: Int64 = 32 << 20
  /// How many steps are settled at once: each new one is held against all.
  private static let mostSteps = 4096
  /// Of all steps, in bytes.
  private var size: Int64 = 0

  /// What the journal is to be told once the bytes are on the disk, in order.
  var records: [JournalRecord] { steps.map(\.record) }

  /// Whether all must be settled before `step` is made.
  func isDue(before step: BlobMove.Step) -> Bool {
    size >= Self.most || steps.count >= Self.mostSteps
      || steps.contains { $0.from < step.to + step.count && step.to < $0.from + $0.count }
  }

  mutating func add(_ step: BlobMove.Step) {
    steps.append(step)
    size += step.count
  }

  mutating func removeAll() {
    steps.removeAll()
    size = 0
  }
}
