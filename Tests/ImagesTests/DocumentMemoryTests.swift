import Digests
import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Images

@Suite(.waiting) struct `Memory for documents` {
  private static let mib = 1 << 20

  /// A thread of its own that holds so much until it is let go.
  private final class Holder: Sendable {
    private let held = DispatchSemaphore(value: 0)
    private let release = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)

    /// Returns when `body` has been entered.
    init(_ enter: @escaping @Sendable (() -> Void) -> Void) {
      Thread.detachNewThread { [held, release, done] in
        enter {
          held.signal()
          release.wait()
        }
        done.signal()
      }
      held.wait()
    }

    func letGo() {
      release.signal()
      done.wait()
    }
  }

  /// Returns when `count` wait for some of `memory`.
  private func queue(_ count: Int, in memory: DocumentMemory) {
    while memory.waiting < count { sched_yield() }
  }

  @Test func `is had at once, or not at all`() {
    let memory = DocumentMemory(limit: 4 * Self.mib)
    func isThere(_ need: Int) -> Bool { memory.reservingAtOnce(need) { $0 } }
    // Alone it may be any number.
    #expect(isThere(9 * Self.mib))
    let first = Holder { body in memory.reservingAtOnce(2 * Self.mib) { _ in body() } }
    #expect(isThere(2 * Self.mib))
    #expect(!isThere(3 * Self.mib))
    // Nobody is overtaken.
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      memory.reserving(3 * Self.mib) {}
      done.signal()
    }
    queue(1, in: memory)
    #expect(!isThere(2 * Self.mib))
    first.letGo()
    done.wait()
    #expect(isThere(3 * Self.mib))
  }

  @Test func `is waited for until those before have given it back`() {
    let memory = DocumentMemory(limit: 4 * Self.mib)
    let first = Holder { body in memory.reserving(2 * Self.mib, body) }
    let second = Holder { body in memory.reserving(2 * Self.mib, body) }
    let order = Mutex<[String]>([])
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      memory.reserving(3 * Self.mib) { order.withLock { $0.append("taken") } }
      done.signal()
    }
    queue(1, in: memory)
    first.letGo()
    order.withLock { $0.append("given") }
    // Half of it is not enough.
    #expect(memory.waiting == 1)
    second.letGo()
    done.wait()
    #expect(order.withLock { $0 } == ["given", "taken"])
    #expect(memory.waiting == 0)
  }

  @Test func `is there for a document that needs more than all of it, alone`() {
    let memory = DocumentMemory(limit: Self.mib)
    let alone = Holder { body in memory.reserving(100 * Self.mib, body) }
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      memory.reserving(Self.mib) {}
      done.signal()
    }
    queue(1, in: memory)
    // What is small asks nobody.
    memory.reserving(DocumentMemory.smallest) {}
    alone.letGo()
    done.wait()
  }

  @Test func `goes to who came first, however much that is`() {
    let memory = DocumentMemory(limit: 4 * Self.mib)
    let holder = Holder { body in memory.reserving(2 * Self.mib, body) }
    let order = Mutex<[Int]>([])
    let done = DispatchSemaphore(value: 0)
    // One has all of it, so they cannot both be in at once.
    for (number, need) in [4, 1].enumerated() {
      Thread.detachNewThread {
        memory.reserving(need * Self.mib) { order.withLock { $0.append(need) } }
        done.signal()
      }
      // The second one would find room, and comes behind the first.
      queue(number + 1, in: memory)
    }
    holder.letGo()
    for _ in 1...2 { done.wait() }
    #expect(order.withLock { $0 } == [4, 1])
  }

  @Test func `that is taken serves for all that is read meanwhile`() throws {
    let memory = DocumentMemory(limit: 4 * Self.mib)
    let other = DocumentMemory(limit: 4 * Self.mib)
    let depth = memory.reserving(3 * Self.mib) {
      memory.whileReading {
        memory.reserving(100 * Self.mib) {
          other.reserving(3 * Self.mib) { memory.reserving(3 * Self.mib) { 4 } }
        }
      }
    }
    #expect(depth == 4 && memory.waiting == 0)
    // It is given back when reading fails, too.
    #expect(throws: DocumentFault.tooDeep) {
      try memory.reserving(100 * Self.mib) { () throws(DocumentFault) in throw .tooDeep }
    }
    memory.reserving(4 * Self.mib) {}
  }

  @Test func `is for one thread alone from its first large document on, as long as it reads`() {
    let memory = DocumentMemory(limit: 64 * Self.mib)
    let reader = Holder { body in
      memory.whileReading {
        // What is small does not count, and others may read.
        memory.reserving(DocumentMemory.smallest) {}
        Holder { body in memory.reserving(Self.mib, body) }.letGo()
        memory.reserving(Self.mib) {}
        body()
      }
    }
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      memory.reserving(Self.mib) {}
      done.signal()
    }
    queue(1, in: memory)
    reader.letGo()
    done.wait()
  }

  @Test func `is not waited for by who is cancelled`() {
    let memory = DocumentMemory(limit: Self.mib)
    let holder = Holder { body in memory.reserving(Self.mib, body) }
    let done = DispatchSemaphore(value: 0)
    let task = Task.detached {
      // What was not taken is not given back.
      memory.reserving(Self.mib) {}
      memory.whileReading { memory.reserving(Self.mib) {} }
      done.signal()
    }
    queue(1, in: memory)
    task.cancel()
    done.wait()
    #expect(memory.waiting == 0)
    holder.letGo()
    memory.reserving(Self.mib) {}
  }

  /// The bounds of images keep what one document takes below what there is.
  @Test func `is enough for any document of an image`() throws {
    let most = DocumentBounds.image.mostValues
    let dense = DocumentMeasure(size: Manifest.sizeLimit, values: most, keys: DocumentBounds.image.mostKeys)
    #expect(dense.cost <= 40 * Self.mib)
    let usual = DocumentMeasure(size: 20 << 10, values: 500, keys: 200)
    #expect(usual.cost <= DocumentMemory.smallest)
  }

  @Test func `is measured by what a document is made of`() throws {
    let text = #"{"a":[1,{"b":"c","d":null}],"e":{}}"#
    for (shape, keys) in [(DocumentShape.anything, 3), (.loose, 4)] {
      let measure = try DocumentScan.measure(Array(text.utf8), as: shape, within: .usual)
      #expect(measure.size == text.utf8.count && measure.values == 11 && measure.keys == keys)
    }
  }
}
