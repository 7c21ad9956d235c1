// swift-tools-version: 6.2
import PackageDescription

// Two builds of the same sources; `make` names them. Embedded (what ships): EMBEDDED holds the
// directory of the toolchain's embedded archives. Ordinary (tests, sanitizers, fallback): unset.
let archives = Context.environment["EMBEDDED"]

// Programs that only `make fuzz` and `make simulate` build. FUZZ holds the directory of clang's runtime libraries.
let fuzzing = Context.environment["FUZZ"]
let simulates = Context.environment["SIMULATE"] != nil

let swift: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
    + (archives == nil
        // Callbacks run between jobs, when the loop's actor is nobody's; the executor itself refuses other threads.
        ? [.unsafeFlags(["-Xfrontend", "-disable-dynamic-actor-isolation"])]
        : [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-Osize"])])
    + (fuzzing == nil ? [] : [.unsafeFlags(["-sanitize=address,fuzzer", "-enable-testing"])])
    + (simulates ? [.unsafeFlags(["-enable-testing"])] : [])

// Sections of their own, so that the linker drops what nothing refers to.
let glue: [CSetting] =
    [.unsafeFlags(["-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-ffunction-sections", "-fdata-sections"])]
    + (archives == nil ? [] : [.define("CLINUX_EMBEDDED")])
    + (fuzzing == nil
        ? [] : [.unsafeFlags(["-fsanitize=address,undefined,fuzzer-no-link", "-fno-sanitize-recover=all"])])

// Embedded: gold cannot link static-pie, so lld. The standard library is compiled into the program;
// the archives hold the concurrency runtime (some C++) and Unicode's tables. A segment that begins with a page shares none
// with another, and what is relocated is private memory.
let link: [LinkerSetting] =
    if let archives {
        [
            .unsafeFlags([
                "-enable-experimental-feature", "Embedded", "-use-ld=lld", "-Xlinker", "-s", "-Xlinker", "--icf=all",
                "-Xlinker", "-z", "-Xlinker", "separate-loadable-segments",
                "-Xclang-linker", "-static-pie", "-Xclang-linker", "-Wno-unused-command-line-argument",
                "-L", archives, "-lswift_Concurrency", "-lswiftUnicodeDataTables", "-lstdc++", "-lm",
            ])
        ]
    } else {
        [.unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release))]
    }

@MainActor func target(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

let package = Package(
    name: "swiftrunc",
    targets: [
        .target(name: "CLinux", cSettings: glue),
        .target(
            name: "CRevision",
            cSettings: Context.environment["SWIFTRUNC_REVISION"].map {
                [.define("SWIFTRUNC_REVISION", to: "\"\($0)\"")]
            }),
        .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c"),
        .systemLibrary(name: "CJSON", pkgConfig: "json-c"),
        .systemLibrary(name: "CCap", pkgConfig: "libcap"),
        .systemLibrary(name: "CDigest", pkgConfig: "libmd"),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp"),
        .target(name: "CProto", dependencies: ["CProtobufC"], cSettings: glue),
        target("Linux", ["CLinux", "CDigest"]),
        target("Reactor", ["CLinux", "Linux"]),
        target("JSON", ["CJSON", "Linux"]),
        target("TOML", ["Linux"]),
        target("Protobuf", ["CProto", "CProtobufC", "Linux"]),
        target("TTRPC", ["Linux", "Protobuf", "Reactor"]),
        target("OCIRuntime", ["JSON", "Linux", "Reactor"]),
        target("Mounts", ["Confinement", "Linux", "Reactor"]),
        target("Stdio", ["Linux", "Reactor"]),
        target("Cgroups", ["Linux", "Reactor"]),
        target("Confinement", ["CCap", "Linux"]),
        target("Seccomp", ["CLinux", "CSeccomp", "JSON", "Linux", "Reactor"]),
        target("Containers", ["Cgroups", "JSON", "Linux", "Mounts", "OCIRuntime", "Reactor", "Seccomp", "Stdio"]),
        target(
            "Shim",
            [
                "CRevision", "Cgroups", "Confinement", "Containers", "JSON", "Linux", "Mounts", "OCIRuntime",
                "Protobuf", "Reactor", "Seccomp", "Stdio", "TOML", "TTRPC",
            ]),
        .executableTarget(
            name: "containerd-shim-swiftrunc-v2", dependencies: ["Linux", "Reactor", "Shim"],
            swiftSettings: swift, linkerSettings: link),
    ])

// What both of a pair are made of is the same, so one of them is there at a time.
let fuzzTargets: [Target.Dependency] = [
    "Containers", "JSON", "Linux", "Mounts", "OCIRuntime", "Protobuf", "Seccomp", "Shim", "Stdio", "TOML", "TTRPC",
]
let simulated: [Target.Dependency] = ["Containers", "Linux", "OCIRuntime", "Reactor", "Shim", "Stdio", "TTRPC"]

if let fuzzing {
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: fuzzTargets + ["CFuzzer"], path: "Tests/Fuzz",
            exclude: ["CFuzzer", "CorpusTests.swift", "corpus", "dictionaries"], swiftSettings: swift,
            linkerSettings: [
                .unsafeFlags([
                    "-use-ld=lld", "-Xclang-linker", "-fsanitize=address,undefined,fuzzer-no-link",
                    "\(fuzzing)/libclang_rt.fuzzer_no_main-x86_64.a", "-lstdc++", "-lm",
                ])
            ]),
    ]
} else if simulates {
    package.targets.append(
        .executableTarget(
            name: "Simulate", dependencies: simulated, path: "Tests/SimulationTests", exclude: ["ScheduleTests.swift"],
            swiftSettings: swift))
} else if archives == nil {
    let tests: [(target: String, also: [Target.Dependency])] = [
        ("Cgroups", []), ("Containers", ["Cgroups", "OCIRuntime", "Stdio"]), ("JSON", []), ("Linux", []),
        ("Mounts", []), ("OCIRuntime", ["CLinux"]), ("Protobuf", []), ("Reactor", []), ("Seccomp", ["JSON"]),
        ("Shim", ["Cgroups", "JSON", "OCIRuntime", "Protobuf", "Seccomp", "Stdio", "TOML", "TTRPC"]),
        ("Stdio", []), ("TOML", []), ("TTRPC", ["Protobuf"]),
    ]
    for (name, also) in tests {
        package.targets.append(
            .testTarget(
                name: "\(name)Tests",
                dependencies: Set([name, "Linux", "Reactor"]).sorted().map { .byName(name: $0) } + also,
                swiftSettings: swift))
    }
    package.targets += [
        .testTarget(
            name: "FuzzTests", dependencies: fuzzTargets + ["Reactor"], path: "Tests/Fuzz",
            exclude: ["CFuzzer", "Program", "corpus", "dictionaries"], swiftSettings: swift),
        .testTarget(
            name: "SimulationTests", dependencies: simulated, path: "Tests/SimulationTests", exclude: ["Program"],
            swiftSettings: swift),
    ]
}
