import Foundation

/// Auth files of docker and containers.
enum AuthFiles {
  /// One with these keys by entry.
  static func stored(_ keys: KeyValuePairs<String, String>) -> String {
    let entries = keys.map { entry, key in
      #""\#(entry)":{"auth":"\#(Data("$oauthtoken:\(key)".utf8).base64EncodedString())"}"#
    }
    return #"{"auths":{\#(entries.joined(separator: ","))}}"#
  }

  /// One that names the helper `x` for these entries.
  static func helped(_ entries: String...) -> String {
    #"{"credHelpers":{\#(entries.map { #""\#($0)":"x""# }.joined(separator: ","))}}"#
  }
}
