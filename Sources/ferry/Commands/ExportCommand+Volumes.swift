import Archives
import ArgumentParser

extension ExportCommand {
  /// Smaller volumes serve nobody, in bytes.
  private static let smallestVolume: Int64 = 64 << 10

  /// The files that one archive consists of, or may, as far as they can be named beforehand.
  var archiveFiles: [String] {
    let output = archive.output
    guard output != "-", !output.isEmpty, !output.hasSuffix("/"), !Paths.isDirectory(output) else {
      return []
    }
    let volumes =
      archive.volumeSize == nil
      ? [] : ArchivePlace.volumes(of: output) + ArchivePlace.partialVolumes(of: output)
    let beside = ["", ".partial", ".partial.journal", ".sha256", ".digest", ".digest.minisig"]
    return beside.map { output + $0 } + volumes.map(\.path)
  }

  /// The report must not have a name that an archive in the directory may get: which those are is known only when the
  /// registry has answered.
  func validateDirectory() throws {
    guard let report = reporting.report, Paths.isDirectory(archive.output) else { return }
    let target = DirectoryListing.canonical(report) ?? report
    guard FileIdentity(of: DataFile.directory(of: target)) == FileIdentity(of: archive.output),
      target.split(separator: "/").last?.contains(".tar") == true
    else { return }
    throw ValidationError(
      "--report \(report) may be the name of an archive in \(archive.output); give it one without '.tar'.")
  }

  /// What `--volume-size` and `--only-volume` ask for must make sense.
  func validateVolumes() throws {
    let output = archive.output
    let onlyVolume = archive.onlyVolume
    if let size = archive.volumeSize?.bytes {
      guard output != "-" else {
        throw ValidationError("-o - writes one stream; name a file to cut it with --volume-size.")
      }
      if let report = reporting.report, let volume = VolumeName(report), Paths.areSame(volume.base, output) {
        throw ValidationError("--report would overwrite a volume; give it another name.")
      }
      guard (Self.smallestVolume...VolumeName.largestSize).contains(size) else {
        throw ValidationError("--volume-size takes from 64K to 128T.")
      }
    }
    guard !onlyVolume.isEmpty else { return }
    guard archive.volumeSize != nil else {
      throw ValidationError("--only-volume needs the --volume-size that the other volumes were made with.")
    }
    if archive.checksum || signing.signKey != nil {
      throw ValidationError("--checksum and --sign-key speak of whole archives; --only-volume writes a part.")
    }
    guard onlyVolume.allSatisfy({ (1...VolumeName.most).contains($0) }) else {
      throw ValidationError("--only-volume takes numbers from 1 to \(VolumeName.most).")
    }
    if output.hasSuffix("/") || Paths.isDirectory(output) {
      throw ValidationError("--only-volume speaks of one archive: -o NAME.tar.")
    }
  }
}
