import Files
import Tar
import Transport

/// What `ferry --version` says: what this program was made of, and what it runs with.
enum VersionText {
  static var text: String {
    """
    ferry \(Ferry.version), commit \(ProgramFile.commit ?? "unknown")
    \(form)
    \(CurlLibrary.versions)
    \(ArchiveLibrary.versions)
    """
  }

  private static var form: String {
    guard let program = try? ProgramFile(ProgramFile.running) else { return "linux" }
    return "linux-\(program.architecture), linked \(program.isStatic ? "statically" : "dynamically")"
  }
}
