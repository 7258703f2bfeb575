import Glibc

/// libFuzzer's, of Swift's own toolchain.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What libFuzzer feeds. It is not a closure's to capture: the compiler that checks it for races ends without a word on one.
private nonisolated(unsafe) var target: FuzzTarget?

private func feed(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let target else { return 0 }
  do { try target.run(Array(UnsafeBufferPointer(start: bytes, count: count))) } catch {
    fatalError("\(target.name): \(error)")
  }
  return 0
}

/// `fuzz TARGET …`: all targets in one program, which libFuzzer gives the rest of the arguments. Without any it says what there
/// is: each target, and how long an input of it may be.
@main enum Fuzz {
  static func main() {
    guard let name = CommandLine.arguments.dropFirst().first else {
      for target in FuzzTarget.all { print(target.name, target.longest) }
      return
    }
    guard let wanted = FuzzTarget.all.first(where: { $0.name == name }) else {
      print("fuzz: no target is called '\(name)'")
      exit(64)
    }
    target = wanted
    var count = CommandLine.argc - 1
    var arguments = CommandLine.unsafeArgv
    arguments[1] = arguments[0]
    arguments += 1
    exit(runFuzzer(&count, &arguments, feed))
  }
}
