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

  init(_ volume: Volume, damage: VolumeDamage? = nil) {
    number = volume.number
    path = volume.path
    bytes = volume.size
    switch volume.state {
    case .missing: state = "missing"
    case .wrongSize: state = "wrongSize"
    case .foreign: state = "foreign"
    case .surplus: state = "surplus"
    case .present: state = damage?.state(of: volume) ?? "whole"
    }
  }

  init(_ volume: PreparedExport.Archive.Volume, state: String) {
    number = volume.number
    path = volume.path
    bytes = volume.size
    self.state = state
  }
}

/// Which volumes of an archive damage lies in.
struct VolumeDamage {
  /// Whether it lies in that one for sure, by the volumes' numbers.
  private var isCertain: [Int: Bool] = [:]

  init(_ findings: FindingList) {
    guard findings.areOfVolumes else { return }
    // What is not there does not speak against a volume that is.
    for volumes in findings.lazy.map(\.volumes) where volumes.allSatisfy({ $0.state == .present }) {
      for volume in volumes {
        isCertain[volume.number, default: false] = isCertain[volume.number] ?? false || volumes.count == 1
      }
    }
  }

  /// What is said of a volume that is there.
  func state(of volume: Volume) -> String? {
    isCertain[volume.number].map { $0 ? "damaged" : "suspect" }
  }
}
