import JSON
package import Linux
import Seccomp
import Stdio

/// What we read of a bundle's config.json (OCI runtime specification); the runtime reads the rest.
package struct BundleConfiguration {
    /// Annotations that group containers into one shim; the first one present wins (C-1.21).
    private static let groupingAnnotations = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"]

    private static let execCgroupAnnotation = "io.swiftrunc.exec-cgroup"

    /// The group it names, if any.
    package let group: String?
    /// Whether the container's processes are in a pid namespace that others are in too. Also if
    /// nobody knows.
    package let sharesPIDNamespace: Bool
    /// ``OutputPolicy/annotation``, as it is.
    package let outputPolicy: String?
    /// ``SeccompRules/annotation``, as it is.
    package let seccomp: String?
    /// Where the runtime delivers seccomp listeners; empty if nowhere.
    package let seccompListener: String
    /// The annotation `io.swiftrunc.exec-cgroup`, as it is; it comes before the options.
    private let execCgroup: String?
    /// `linux.cgroupsPath`; empty if there is none.
    package let cgroupsPath: String
    /// Whether it has the form `slice:prefix:name`, which only the systemd driver
    /// understands (C-3.64).
    package let namesSystemdCgroup: Bool

    package init(parsing bytes: [UInt8], subject: String) throws(Failure) {
        let root = try JSONValue(parsing: bytes, subject: subject)
        guard root.isObject else { throw Failure(.invalidArgument, "\(subject): no JSON object") }
        let annotations = root["annotations"]
        group = Self.groupingAnnotations.lazy.compactMap { annotations?[$0]?.string }.first
        outputPolicy = annotations?[OutputPolicy.annotation]?.string
        seccomp = annotations?[SeccompRules.annotation]?.string
        seccompListener = root["linux"]?["seccomp"]?["listenerPath"]?.string ?? ""
        execCgroup = annotations?[Self.execCgroupAnnotation]?.string
        let namespaces = root["linux"]?["namespaces"]?.elements ?? []
        sharesPIDNamespace = !namespaces.contains {
            $0["type"]?.string == "pid" && ($0["path"]?.string ?? "").isEmpty
        }
        let path = root["linux"]?["cgroupsPath"]?.string ?? ""
        cgroupsPath = path
        namesSystemdCgroup = !path.hasPrefix("/") && path.utf8.filter { $0 == UInt8(ascii: ":") }.count == 2
    }

    /// Whether each exec gets a cgroup of its own, if an annotation says it.
    package func wantsExecCgroup() throws(Failure) -> Bool? {
        switch execCgroup {
        case nil: return nil
        case "true"?: return true
        case "false"?: return false
        case let word?:
            let subject = "annotation \(Self.execCgroupAnnotation)"
            throw Failure(.invalidArgument, "\(subject) \(Log.quoted(word)): neither true nor false")
        }
    }

    /// Reads `config.json` in `bundle`.
    package init(bundle: String) throws(Failure) {
        let path = "\(bundle)/config.json"
        try self.init(parsing: Files.read(path, limit: 64 << 20), subject: path)
    }
}
