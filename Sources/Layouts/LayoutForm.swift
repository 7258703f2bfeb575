/// In what a layout lies.
public enum LayoutForm: String, Hashable, Sendable {
  /// An OCI image layout in a tar.
  case tar
  /// An OCI image layout in a directory.
  case directory
  /// A tar in docker's own form, from which Ferry makes the layout.
  case dockerSave = "docker-save"
}
