// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// `fixtures/fuzz/run` sets this. Then the package has one product more, `fuzz`, and what it is made of counts the branches that
/// are taken, watches its memory, and lets `fuzz` see what is internal.
let isFuzzed = Context.environment["FERRY_FUZZ"] != nil

let instrumented: [SwiftSetting] =
  isFuzzed ? [.unsafeFlags(["-sanitize=fuzzer,address", "-enable-testing"])] : []

/// For code that no byte of a layer passes through.
let small: [SwiftSetting] = [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// Tests are not shipped: they keep every check but the marking of unsafe expressions.
let testSettings: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ dependencies: [Target.Dependency], isHot: Bool = true) -> Target {
  .target(
    name: name, dependencies: dependencies,
    swiftSettings: (isHot ? settings : settings + small) + instrumented)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: testSettings)
}

/// What the parsers are fed with: each target of `fixtures/fuzz/run`, and the seeds as a test.
let parsers: [Target.Dependency] = [
  "Transfers", "Registry", "Transport", "Layouts", "Files", "Tar", "Images", "Digests",
]

let fuzzing: Target =
  isFuzzed
  ? .executableTarget(
    name: "fuzz", dependencies: parsers, path: "Tests/FuzzTests", exclude: ["CorpusTests.swift"],
    swiftSettings: testSettings + instrumented,
    linkerSettings: [.unsafeFlags(["-use-ld=lld", "-sanitize=address"])])
  : .testTarget(
    name: "FuzzTests", dependencies: parsers + ["TestSupport"], path: "Tests/FuzzTests",
    exclude: ["Fuzz.swift"],
    swiftSettings: testSettings)

let package = Package(
  name: "ferry",
  platforms: [.macOS(.v26)],
  products: [.executable(name: "ferry", targets: ["ferry"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLinux"),

    .target(
      name: "Digests", dependencies: ["CCrypto"],
      // Tests of large archives write and read digests by the hundred thousand.
      swiftSettings: settings + instrumented + [.unsafeFlags(["-O"], .when(configuration: .debug))]),
    module("Images", ["Digests"], isHot: false),
    module("Transport", ["CCurl"]),
    module("Registry", ["Transport", "Images", "Digests"], isHot: false),
    module("Credentials", ["Registry", "Images"], isHot: false),
    module("NVIDIA", ["Transport", "Registry", "Images"], isHot: false),
    module("Files", ["CLinux"]),
    module("Tar", ["CArchive", "CZlib", "Files"]),
    module("Layouts", ["Files", "Tar", "Images", "Digests"], isHot: false),
    module(
      "Transfers", ["NVIDIA", "Registry", "Transport", "Layouts", "Files", "Tar", "Images", "Digests"],
      isHot: false),
    .executableTarget(
      name: "ferry",
      dependencies: [
        "Transfers", "Credentials", "NVIDIA", "Registry", "Transport", "Layouts", "Files", "Tar", "Images",
        "Digests",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings + small,
      // Nobody looks symbols up in the program; without their names, and what only they keep, it is 5 % smaller. Functions of
      // the same code are one, where nothing compares their addresses. What describes frames is a tenth of the program, and
      // left out by a script of the linker that comes with Swift.
      linkerSettings: [
        .unsafeFlags(
          [
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=safe", "-Xlinker",
            "--no-eh-frame-hdr", "-Xlinker", "--script=\(Context.packageDirectory)/fixtures/link.ld",
          ],
          .when(platforms: [.linux], configuration: .release))
      ]),

    .target(
      name: "TestSupport", dependencies: ["CCrypto"], path: "Tests/TestSupport", swiftSettings: testSettings),
    tests("DigestsTests", ["Digests"]),
    tests("ImagesTests", ["Images", "Digests"]),
    tests("TransportTests", ["Transport"]),
    tests("RegistryTests", ["Registry", "Transport", "Images", "Digests"]),
    tests("CredentialsTests", ["Credentials", "Registry"]),
    tests("NVIDIATests", ["NVIDIA", "Registry", "Transport", "Images", "Digests"]),
    tests("FilesTests", ["Files"]),
    tests("TarTests", ["Tar", "Files"]),
    tests("LayoutsTests", ["Layouts", "Files", "Tar", "Images", "Digests"]),
    tests("TransfersTests", ["Transfers", "Registry", "Layouts", "Files", "Tar", "Images", "Digests"]),
    tests(
      "FerryTests", ["ferry", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    tests("NVIDIAFerryTests", ["ferry"]),
    tests("ArchitectureTests", []),
    tests("TestSupportTests", []),
    fuzzing,
  ],
  swiftLanguageModes: [.v6]
)
