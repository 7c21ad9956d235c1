import JSON
package import Linux
package import OCIRuntime
package import Protobuf
package import Stdio

/// The options of a runtime or task, whichever of their types they came in, over the host's (contract
/// C-3.60 … C-3.65).
package struct TaskOptions: Equatable {
    /// What the client said and, where it did not, the host's configuration.
    package var said = PartialOptions()
    /// For the log: what was passed over.
    package private(set) var warnings: [String] = []

    /// The defaults.
    package init() {}

    /// None, an empty one, or one of the known types; another is refused.
    ///
    /// Of a configuration's path and body clients fill in one: CRI and docker send the whole table as the body
    /// unless it names a file. Should both be there, a key of the body wins over the file's.
    package init(_ options: AnyMessage?, host: HostConfiguration = HostConfiguration()) throws(Failure) {
        said = host.options
        if let warning = host.warning { warnings.append(warning) }
        guard let options, !options.typeURL.isEmpty || !options.value.isEmpty else { return }
        switch options.name {
        case "containerd.runc.v1.Options":
            said = PartialOptions(try RuncOptions(decoding: options.value)).over(said)
        case "runtimeoptions.v1.Options":
            let generic = try RuntimeOptions(decoding: options.value)
            if !generic.configPath.isEmpty { add(try Self.file(generic.configPath)) }
            if !generic.configBody.isEmpty {
                add(try OptionsText(parsing: generic.configBody, subject: "config_body"))
            }
        default: throw Failure(.invalidArgument, "options of type \(Log.quoted(options.typeURL))")
        }
    }

    /// It is opened by a shim, whose directory is a bundle, so a relative path would mean nothing.
    private static func file(_ path: String) throws(Failure) -> OptionsText {
        guard path.hasPrefix("/") else {
            throw Failure(.invalidArgument, "config_path \(Log.quoted(path)): not an absolute path")
        }
        do throws(Failure) {
            return try OptionsText(at: path)
        } catch {
            throw error.adding("config_path")
        }
    }

    private mutating func add(_ text: OptionsText) {
        said = text.options.over(said)
        if let warning = text.warning { warnings.append(warning) }
        if text.seccomp != nil { warnings.append("seccomp: the host's configuration file alone says it") }
    }

    /// With the defaults for what nobody said.
    package var runc: RuncOptions { said.complete }

    /// Where a container's output is spilled, if it is.
    package var spill: SpillPlace {
        var place = SpillPlace()
        if let directory = said.spillDirectory { place.directory = directory }
        if let limit = said.spillLimit { place.limit = limit }
        return place
    }

    /// Decides for the systemd driver where nobody else decides, by the form of the container's cgroup: clients
    /// that know this runtime as a foreign one cannot say it (C-3.64).
    package mutating func infer(from configuration: BundleConfiguration?) {
        guard said.systemdCgroup == nil, configuration?.namesSystemdCgroup == true else { return }
        said.systemdCgroup = true
    }

    /// The runtime they mean, for containers of `namespace`.
    package func runtime(namespace: String) -> Runtime {
        let runc = runc
        return Runtime(
            binary: runc.binaryName.isEmpty ? "runc" : runc.binaryName,
            root: "\(runc.root.isEmpty ? "/run/containerd/runc" : runc.root)/\(namespace)",
            systemdCgroup: runc.systemdCgroup)
    }

    /// The options as a bundle's `options.json` has them: what is zero is left out (C-1.74). A `delete`, also
    /// the Go shim's, finds its runtime by them, so they are the ones in effect.
    package var json: [UInt8] {
        let runc = runc
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
