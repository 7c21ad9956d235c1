package import Linux
package import OCIRuntime
package import Protobuf

extension Runtime.Checkpoint {
    /// What the request asks for, in either form of the options (C-3.62): the older one, of a runtime
    /// that containerd has no more, has two of the paths the other way round. No options: the defaults.
    package init(_ request: CheckpointRequest) throws(Failure) {
        guard request.path.hasPrefix("/") else {
            throw Failure(.invalidArgument, "checkpoint path \(Log.quoted(request.path)): not an absolute path")
        }
        self.init(imagePath: request.path, workPath: "")
        guard let any = request.options, !any.typeURL.isEmpty || !any.value.isEmpty else { return }
        let options = try CheckpointOptions(decoding: any.value)
        switch any.name {
        case "containerd.runc.v1.CheckpointOptions":
            workPath = options.workPath
            parentPath = options.parentPath
        case "containerd.linux.runc.CheckpointOptions": workPath = options.imagePath
        default: throw Failure(.invalidArgument, "checkpoint options of type \(Log.quoted(any.typeURL))")
        }
        openTCP = options.openTCP
        externalUnixSockets = options.externalUnixSockets
        terminal = options.terminal
        fileLocks = options.fileLocks
        emptyNamespaces = options.emptyNamespaces
        leavesRunning = !options.exit
    }
}
