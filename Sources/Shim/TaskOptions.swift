import Containers
import JSON
package import Linux
package import OCIRuntime
package import Protobuf

/// The options of a runtime or task, whichever of their types they came in (contract C-3.60 … C-3.65).
package struct TaskOptions: Equatable {
    package var runc = RuncOptions()

    /// The defaults.
    package init() {}

    /// None, an empty one, or one of the known types; another is refused.
    package init(_ options: AnyMessage?) throws(Failure) {
        guard let options, !options.typeURL.isEmpty || !options.value.isEmpty else { return }
        switch options.name {
        case "containerd.runc.v1.Options": runc = try RuncOptions(decoding: options.value)
        case "runtimeoptions.v1.Options":
            let generic = try RuntimeOptions(decoding: options.value)
            guard generic.configBody.isEmpty, generic.configPath.isEmpty else {
                throw Failure(.unimplemented, "runtime options from a configuration file")
            }
        default: throw Failure(.invalidArgument, "options of type \(Log.quoted(options.typeURL))")
        }
        if runc.binaryName.utf8.contains(0) || runc.root.utf8.contains(0) {
            throw Failure(.invalidArgument, "options: NUL in a path")
        }
    }

    /// The runtime they mean, for containers of `namespace`.
    package func runtime(namespace: String, usesSystemd: Bool = false) -> Runtime {
        Runtime(
            binary: runc.binaryName.isEmpty ? "runc" : runc.binaryName,
            root: "\(runc.root.isEmpty ? "/run/containerd/runc" : runc.root)/\(namespace)",
            systemdCgroup: runc.systemdCgroup || usesSystemd)
    }

    /// The options as a bundle's `options.json` has them: what is zero is left out (C-1.74).
    package var json: [UInt8] {
        var members: [String] = []
        func add(_ key: String, _ flag: Bool) { if flag { members.append("\"\(key)\":true") } }
        func add(_ key: String, _ number: UInt32) { if number != 0 { members.append("\"\(key)\":\(number)") } }
        func add(_ key: String, _ text: String) {
            if !text.isEmpty { members.append("\"\(key)\":\(JSONValue.quoted(text))") }
        }
        add("no_pivot_root", runc.noPivotRoot)
        add("no_new_keyring", runc.noNewKeyring)
        add("shim_cgroup", runc.shimCgroup)
        add("io_uid", runc.ioUID)
        add("io_gid", runc.ioGID)
        add("binary_name", runc.binaryName)
        add("root", runc.root)
        add("criu_path", runc.criuPath)
        add("systemd_cgroup", runc.systemdCgroup)
        add("criu_image_path", runc.criuImagePath)
        add("criu_work_path", runc.criuWorkPath)
        return Array("{\(members.joined(separator: ","))}".utf8)
    }
}
