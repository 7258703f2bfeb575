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
