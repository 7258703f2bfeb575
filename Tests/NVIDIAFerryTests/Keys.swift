/// Keys in the shapes that keys have; none was ever good for anything.
enum Keys {
  static let dgx = "0123456789dgxdgxdgxdABCDEFGHIJ0123456789"
  static let ngc = "nvapi-0123456789abcdefghij-ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuv"
}
