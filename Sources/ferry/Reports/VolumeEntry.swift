import Layouts
import Transfers

/// One volume of an archive, in a report.
struct VolumeEntry: Codable {
  let number: Int
  let path: String
  /// What it should have.
  let bytes: Int64
  /// Of an archive that was read: `whole`, `damaged`, `suspect` where damage lies in it or in another volume, `missing`,
  /// `wrongSize`, `foreign` or `surplus`. Of one that is written: `planned`, `written`, `unchanged` or `elsewhere`.
  let state: String

  init(_ volume: Volume, findings: [VerifiedArchive.Finding] = []) {
    number = volume.number
    path = volume.path
    bytes = volume.size
    switch volume.state {
    case .missing: state = "missing"
    case .wrongSize: state = "wrongSize"
    case .foreign: state = "foreign"
    case .surplus: state = "surplus"
    case .present:
      // What is not there does not speak against a volume that is.
      let touching = findings.filter { finding in
        finding.volumes.contains(volume) && finding.volumes.allSatisfy { $0.state == .present }
      }
      state =
        touching.contains { $0.volumes.count == 1 } ? "damaged" : touching.isEmpty ? "whole" : "suspect"
    }
  }

  init(_ volume: PreparedExport.Archive.Volume, state: String) {
    number = volume.number
    path = volume.path
    bytes = volume.size
    self.state = state
  }
}
