/// Checkpoint and restore, the two commands in which runc and crun differ (C-5.25 … C-5.31).
extension Runtime {
    /// What `checkpoint` is asked for.
    package struct Checkpoint {
        package var imagePath: String
        package var workPath: String
        /// Empty for none.
        package var parentPath = ""
        package var openTCP = false
        package var externalUnixSockets = false
        package var terminal = false
        package var fileLocks = false
        package var emptyNamespaces: [String] = []
        package var leavesRunning = true

        package init(imagePath: String, workPath: String) {
            self.imagePath = imagePath
            self.workPath = workPath
        }
    }

    /// What `restore` is asked for.
    package struct Restoration {
        package var imagePath: String
        package var workPath: String
        /// Empty for none.
        package var parentPath: String
        /// As for ``Runtime/create(_:_:)``; it has no use for `noNewKeyring`.
        package var creation: Creation

        package init(imagePath: String, workPath: String, parentPath: String, creation: Creation) {
            self.imagePath = imagePath
            self.workPath = workPath
            self.parentPath = parentPath
            self.creation = creation
        }
    }

    /// C-5.25. crun has no `--empty-ns`, and `--parent-path` in some builds only: what was asked for
    /// and is not there it refuses itself.
    package static func checkpoint(_ id: String, _ checkpoint: Checkpoint) -> [String] {
        var words = ["checkpoint", "--image-path", checkpoint.imagePath, "--work-path", checkpoint.workPath]
        if !checkpoint.parentPath.isEmpty { words += ["--parent-path", checkpoint.parentPath] }
        if checkpoint.openTCP { words.append("--tcp-established") }
        if checkpoint.externalUnixSockets { words.append("--ext-unix-sk") }
        if checkpoint.terminal { words.append("--shell-job") }
        if checkpoint.fileLocks { words.append("--file-locks") }
        for namespace in checkpoint.emptyNamespaces { words += ["--empty-ns", namespace] }
        if checkpoint.leavesRunning { words.append("--leave-running") }
        return words + [id]
    }

    /// C-5.26. crun knows neither `--no-subreaper` nor `--no-pivot` nor `--parent-path` (C-5.30).
    package static func restore(_ id: String, _ restoration: Restoration, dialect: Dialect) -> [String] {
        let creation = restoration.creation
        var words = ["restore", "--image-path", restoration.imagePath, "--work-path", restoration.workPath]
        if dialect == .runc, !restoration.parentPath.isEmpty { words += ["--parent-path", restoration.parentPath] }
        words += ["--detach", "--pid-file", creation.pidFile]
        if let socket = creation.consoleSocket { words += ["--console-socket", socket] }
        if dialect == .runc {
            if creation.noPivot { words.append("--no-pivot") }
            words.append("--no-subreaper")
        }
        return words + ["--bundle", creation.bundle, id]
    }
}
