import Digests
import FoundationEssentials
import Images
import Transport

/// What an answer that is not the referrers API's says is not there.
enum ReferrersAbsence: Hashable {
  /// The manifest: the registry knows the question.
  case ofManifest
  /// The API: the registry says that it does not know the question.
  case ofAPI
  /// Something, and no word of what.
  case ofSomething

  /// The fields, in small letters, by which a list of referrers, of today or of drafts, or an error is known.
  private static let listFields: Set = [
    "schemaversion", "mediatype", "manifests", "references", "referrers", "errors", "error",
  ]

  /// What is not there, if `response` says that something is not (distribution-spec, "Listing Referrers"): the API
  /// answers any digest with an OCI index. Some gateways have a page for every path they do not know. nil for an answer
  /// of the API, and for one that says no for another reason, or that is cut: who gives it may well have a list.
  static func stated(by response: HTTPResponse) -> ReferrersAbsence? {
    switch response.status {
    case 400, 404, 405, 406, 410, 501:
      let messages = RegistryMessage.list(in: response.body)
      // A code that nobody has heard of is no word on the list; the specification has clients go by the status then.
      if messages.contains(where: { RegistryMessage.refusals.contains($0.code.uppercased()) }) { return nil }
      let kinds = messages.map { $0.kind(at: response.status) }
      if [400, 404].contains(response.status), kinds.contains(.unknownName) { return .ofManifest }
      return [405, 501].contains(response.status) || kinds.contains(.unknownQuestion) ? .ofAPI : .ofSomething
    case 200:
      let type = response.headers["Content-Type"].map(MediaType.init(contentType:))
      // A list is an object, or what is left of one. Some call any page of theirs JSON.
      let first = response.body.first { $0 > 0x20 }
      let isMarkup = first == UInt8(ascii: "<")
      let mayBeList = type?.rawValue.hasSuffix("json") == true && !isMarkup || type == .ociIndex
      // What has nothing of a list, nor of an error, is a portal's or a proxy's.
      if type != .ociIndex,
        let fields = try? DocumentShape.loose.decode([String: Anything].self, from: response.body),
        !fields.isEmpty, fields.keys.allSatisfy({ !listFields.contains($0.lowercased()) })
      {
        return .ofSomething
      }
      return mayBeList || first == UInt8(ascii: "{") || first == UInt8(ascii: "[") ? nil : .ofSomething
    default: return nil
    }
  }
}

/// The manifests that one page of the referrers API lists.
///
/// An index without its list is none, and neither is an error or a list under another name; `null` is an empty one, as
/// some registries write it.
struct ReferrersPage: Decodable {
  let manifests: [Descriptor]
  /// Entries that cannot be read.
  let unreadable: [UnreadableReferrer]

  /// Reads a page. No filter was asked for: a page that was filtered is not all.
  init(_ response: HTTPResponse) throws(RegistryError) {
    let url = response.url.description
    guard response.headers["OCI-Filters-Applied"] == nil else {
      throw .malformedResponse(url: url, .header("OCI-Filters-Applied"))
    }
    guard let page = try? DocumentShape.referrers.decode(ReferrersPage.self, from: response.body) else {
      throw .malformed(response, .list)
    }
    self = page
  }

  private enum CodingKeys: CodingKey { case manifests, references, referrers }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    guard try ErrorFields(from: decoder).isEmpty, !container.contains(.references),
      !container.contains(.referrers)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .manifests, in: container, debugDescription: "it is another document")
    }
    let entries =
      try container.decodeNil(forKey: .manifests) ? [] : container.decode([Entry].self, forKey: .manifests)
    manifests = entries.compactMap { if case .manifest(let descriptor) = $0 { descriptor } else { nil } }
    unreadable = entries.compactMap { if case .unreadable(let entry) = $0 { entry } else { nil } }
  }

  private enum Entry: Decodable {
    case manifest(Descriptor)
    case unreadable(UnreadableReferrer)

    private enum CodingKeys: CodingKey { case mediaType, digest, size, annotations, artifactType }

    init(from decoder: any Decoder) throws {
      if let descriptor = try? Descriptor(from: decoder) {
        self = .manifest(descriptor)
        return
      }
      guard let container = try? decoder.container(keyedBy: CodingKeys.self) else {
        self = .unreadable(.notAnObject)
        return
      }
      // What is wrong with its annotations does not hide what it is.
      if let type = try? container.decode(MediaType.self, forKey: .mediaType),
        let digest = try? container.decode(Digest.self, forKey: .digest),
        let size = try? container.decode(Int64.self, forKey: .size),
        (0...Descriptor.largestSize).contains(size)
      {
        let annotations = try? container.decodeIfPresent([String: String?].self, forKey: .annotations)
        self = .manifest(
          Descriptor(
            mediaType: type, digest: digest, size: size,
            annotations: Annotation.kept(annotations?.compactMapValues(\.self)),
            artifactType: try? container.decodeIfPresent(String.self, forKey: .artifactType)))
        return
      }
      let text = try? container.decode(JSONText.self, forKey: .digest).text
      self = .unreadable(text.map { .named($0.printedAsProse(limit: 128)) } ?? .withoutDigest)
    }
  }
}

/// What stands in a field whose name alone counts.
private struct Anything: Decodable {
  init(from decoder: any Decoder) {}
}
