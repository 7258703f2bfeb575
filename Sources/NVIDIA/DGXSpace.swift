/// The first component of a repository on the DGX registry: `<org>` or `<org>_<project>`
/// (DGX registry user guide).
public enum DGXSpace {
  /// Where `repository` goes under an NGC organisation by default: `<org>_<project>/<image>` becomes
  /// `<project>/<image>`, so that a project lands in the team of its name; `<org>/<image>` becomes
  /// `<image>`. The rule is ours: NVIDIA's guide names none.
  public static func nameOnNGC(for repository: String) -> String {
    guard let slash = repository.firstIndex(of: "/") else { return repository }
    let space = repository[..<slash]
    let rest = repository[repository.index(after: slash)...]
    guard let underscore = space.firstIndex(of: "_") else { return String(rest) }
    let project = space[space.index(after: underscore)...].drop { $0 == "_" }
    return project.isEmpty ? String(rest) : "\(project)/\(rest)"
  }
}
