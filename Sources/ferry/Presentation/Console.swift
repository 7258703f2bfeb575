import Files
import Glibc
import Synchronization
import Transport

/// The terminal: results to standard output, everything else to standard error, one line at a time. Live bars
/// at the foot of standard error make room for each line.
final class Console: Sendable {
  enum Style: Sendable {
    case bars
    case plain
    case none
  }

  let style: Style
  let isQuiet: Bool
  let isVerbose: Bool
  /// What is not shown, whoever says it.
  let secrets = Secrets()
  /// Whether something was not shown in a result, which then is not what it should be.
  private let hidden = Atomic<Bool>(false)
  /// How many lines of bars are on the screen now.
  private let barLines = Mutex(0)
  /// Why standard output took no more: the errno of the first failed write, 0 when none failed.
  private let failure = Atomic<Int32>(0)

  init(style: Style, isQuiet: Bool, isVerbose: Bool) {
    self.style = style
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
  }

  /// Whether whoever reads the notes sees the results too: then what the notes said need not be said again.
  var showsResultsWithNotes: Bool { !isQuiet && isatty(1) == 1 && isatty(2) == 1 }

  /// A line of the result, whatever stands in it.
  func result(_ line: Wording) {
    barLines.withLock { lines in
      erase(&lines)
      note(Self.write(hidingInResult(Array((line.text + "\n").utf8)), to: 1))
    }
  }

  /// A part of a result without the secrets in it.
  private func hidingInResult(_ bytes: [UInt8]) -> [UInt8] {
    guard let safe = secrets.hiding(in: bytes) else { return bytes }
    hidden.store(true, ordering: .relaxed)
    return safe
  }

  /// Whether a secret stood in a result: whatever it should have been the name of has another now.
  var hasHiddenResults: Bool { hidden.load(ordering: .relaxed) }

  /// A part of a document that is kept, without the secrets in it.
  func hidingInDocument(_ bytes: [UInt8]) -> [UInt8] { hidingInResult(bytes) }

  /// Remembers that results were lost. A reader that has gone away has read what it wanted.
  private func note(_ code: Int32) {
    if code != 0, code != EPIPE { failure.store(code, ordering: .relaxed) }
  }

  /// Why results could not be written; nil when they were.
  var lostResults: Int32? {
    let code = failure.load(ordering: .relaxed)
    return code == 0 ? nil : code
  }

  /// A document as the result, as it is: JSON escapes what a terminal would obey. `content` is given what prints its next
  /// piece; it is stopped, and nothing thrown, when no more can be printed.
  func document(_ content: (([UInt8]) throws -> Void) throws -> Void) throws {
    struct Lost: Error {}
    try barLines.withLock { lines in
      erase(&lines)
      do {
        try content { piece in
          let code = Self.write(hidingInResult(piece), to: 1)
          note(code)
          if code != 0 { throw Lost() }
        }
      } catch is Lost {}
    }
  }

  /// A line about the work; silent when quiet.
  func say(_ words: Wording) {
    guard !isQuiet else { return }
    complain(words)
  }

  /// A line that is printed however quiet: an error or a warning.
  func complain(_ words: Wording) {
    barLines.withLock { lines in
      erase(&lines)
      _ = show(words.text + "\n")
    }
  }

  /// Puts `lines` at the foot of standard error in place of those drawn before.
  func draw(bars: [Wording]) {
    barLines.withLock { lines in
      var text = lines > 0 ? "\u{1B}[\(lines)A" : ""
      for bar in bars { text += "\u{1B}[2K\(bar.text)\n" }
      // Fewer lines than before: clear what is left of them.
      text += "\u{1B}[J"
      lines = bars.count
      _ = show(text)
    }
  }

  /// Writes a text to standard error without the secrets in it.
  private func show(_ text: String) -> Int32 {
    Self.write(secrets.hiding(in: text) ?? text, to: 2)
  }

  private func erase(_ lines: inout Int) {
    guard lines > 0 else { return }
    _ = Self.write("\u{1B}[\(lines)A\u{1B}[J", to: 2)
    lines = 0
  }

  /// The width of standard error's terminal in columns, 80 when it has none.
  static var width: Int {
    var size = winsize()
    guard unsafe ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes all of `text`; the errno of what went wrong, 0 when all is written.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    write(Array(text.utf8), to: descriptor)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    // Where nobody reads, Ctrl-C ends that too.
    let stream = OutputStream(descriptor: descriptor, name: "") { Interrupts.isInterrupted }
    do {
      unsafe try stream.write(bytes.span.bytes)
      return 0
    } catch {
      switch error {
      case .file(_, _, let code), .noSpace(_, _, _, let code): return code
      case .cancelled: return ECANCELED
      default: return EIO
      }
    }
  }
}

/// Columns of text, aligned.
struct Table {
  enum Alignment {
    case left
    case right
  }

  private var rows: [[Wording]] = []
  private let alignments: [Alignment]

  init(_ alignments: [Alignment]) {
    self.alignments = alignments
  }

  mutating func add(_ cells: Wording...) {
    rows.append(cells)
  }

  /// The rows as lines, each behind `indent`, without trailing blanks.
  func lines(indent: Wording = "") -> some Sequence<Wording> {
    var widths = alignments.map { _ in 0 }
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.width) }
    }
    // One at a time: there may be tens of thousands.
    return rows.lazy.map { [alignments, widths] row in
      var line = indent
      for (column, cell) in row.enumerated() {
        let padding: Wording = "\(String(repeating: " ", count: widths[column] - cell.width))"
        line += (column > 0 ? "  " : "") + (alignments[column] == .right ? padding + cell : cell + padding)
      }
      return line.withoutTrailingBlanks()
    }
  }
}
