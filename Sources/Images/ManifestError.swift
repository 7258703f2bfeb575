public import Digests

/// Why bytes are not a manifest that Ferry can carry.
public enum ManifestError: Error, Hashable, Sendable {
  /// It does not hold what a manifest, or another document, must.
  case malformed(ManifestFault)
  /// Holds the fields of two kinds of manifest, `manifests` and `layers` or `config`, or one of those and schema 1's:
  /// readers would disagree on what it is (CVE-2021-41190).
  case ambiguous
  /// Docker's image manifest of schema 1 where none can be: it has no config, and its digest is not that of its bytes.
  case schema1
  /// A media type that is no manifest's.
  case unknownType(String)
  /// The manifest calls itself something else than the header `Content-Type` of the answer that brought it.
  case contradictoryType(MediaType, header: MediaType)
  /// Larger than ``Manifest/sizeLimit``.
  case tooLarge(Int64)
  /// The bytes are not the ones the digest or the descriptor promised.
  case wrongContent(DigestError)
}

/// What is wrong within a manifest, a config or a list of referrers, or in how the parts of an image fit together.
public enum ManifestFault: Hashable, Sendable {
  /// Not JSON, JSON of another shape, or JSON that readers read differently.
  case json(JSONFault)
  /// Neither `layers` nor `manifests`.
  case noContent
  /// `manifests` is no list.
  case noList
  /// It gives itself the type of the other kind, or an index that of an image.
  case mislabelled(MediaType)
  /// An entry of an index that is no manifest to Ferry, of this type, cut, and one to some readers.
  case takenForManifest(Digest, type: String)
  /// Indexes in indexes, deeper than any image's.
  case nestedTooDeeply
  /// More manifests in an image than are read.
  case tooManyManifests(limit: Int)
  /// The manifests below one root are larger together than what is read of one image, in bytes.
  case manifestsTooLarge(limit: Int64)
  /// They have more fields and values together than this, and than so many bytes usually have.
  case tooManyValues(limit: Int64)
  /// More bytes in an image than any registry holds.
  case partsTooLarge
  /// A part of the image that has two sizes.
  case twoSizes(Digest, Int64, Int64)
  /// A number that could not be written as it stands there.
  case inexactNumber
  /// Of schema 1: no layers, or not as many as entries of the history.
  case layersWithoutHistory
  /// Of schema 1: a signature that does not say what it is for.
  case signatureUnreadable
  /// Of schema 1: signatures for different content.
  case signaturesDisagree
  /// Of schema 1: a signature for something else than the manifest says.
  case signatureOfOtherContent
  /// Of schema 1: what it says of a layer is no JSON object.
  case descriptionUnreadable
  /// What carries a manifest of schema 1 in an archive does not agree with it.
  case carriesOtherContent
  /// An image of schema 2 that is said to be made of one of schema 1 is not what becomes of that.
  case convertedOtherwise
  /// Of a type that Ferry does not know: an archive says that it names something which it does not name, or calls it by another
  /// type.
  case namesOtherContent
  /// Of such a type: it names more than is looked for.
  case namesTooMuch(limit: Int)
  /// The registry has it with another size than is said of it.
  case otherSize(Digest, Int64, actual: Int64)
  /// A config's entry for this layer of the image, counted from 0, that is no digest to compare the layer's content with.
  case diffIDNotADigest(layer: Int)
}
