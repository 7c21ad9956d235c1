import Cgroups
package import Linux
package import Reactor
package import Stdio

/// One process of a container: its init, or an exec.
@Loop
package final class TaskProcess {
    /// The container's id for init, else the exec's.
    package let id: String
    package let paths: StdioPaths
    package var state = ProcessState()
    package internal(set) var pid: Int32 = 0

    var stdio: Stdio?
    /// An exec's own, if it has one.
    var cgroup: ExecCgroup?
    private(set) var child: ChildProcess?
    /// Its number may be another process' by now.
    var isReaped: Bool { child?.exit != nil }
    /// Somebody has wanted it killed, and has not waited until the Start under way gave it a pid.
    var isUnwanted = false
    private let startEnds = Gate()
    private var closesStdin = false
    private var size: (columns: UInt32, rows: UInt32)?

    package init(id: String, paths: StdioPaths) {
        self.id = id
        self.paths = paths
    }

    /// Opens its stdio and applies what was asked for before there was one (C-4.21, C-4.36). To be closed after
    /// a failure too.
    func openStdio(_ settings: Container.Settings, report: @escaping @Loop (String) -> Void) throws(Failure) -> Stdio {
        let owner = Stdio.Owner(
            id: id, namespace: settings.namespace, policy: settings.output, spill: settings.spill, report: report)
        let stdio = try Stdio.open(paths, uid: settings.ioUID, gid: settings.ioGID, owner: owner)
        self.stdio = stdio
        if closesStdin { stdio.closeStdin() }
        if let size { try stdio.resize(columns: size.columns, rows: size.rows) }
        return stdio
    }

    func closeStdio() {
        stdio?.close()
        stdio = nil
    }

    func runs(as child: ChildProcess) {
        self.child = child
        pid = child.pid
    }

    /// Suspends while a Start is under way, at most for `limit`.
    func startEnd(within limit: Duration) async {
        if state.isStarting { _ = await startEnds.opens(within: limit) }
    }

    /// Its Start has ended, well or not.
    func startHasEnded() { startEnds.open() }

    /// Calls `done` as ``Stdio/afterReading(_:)`` does; at once without streams.
    package func afterReading(_ done: @escaping @Loop () -> Void) {
        guard let stdio else { return done() }
        stdio.afterReading(done)
    }

    /// CloseIO: nothing more will come from our side of its stdin.
    package func closeStdin() {
        closesStdin = true
        stdio?.closeStdin()
    }

    /// ResizePty. Without a terminal it means nothing.
    package func resize(columns: UInt32, rows: UInt32) throws(Failure) {
        size = (columns, rows)
        try stdio?.resize(columns: columns, rows: rows)
    }

    /// A signal by pidfd: it reaches this process or none (C-3.32).
    func signal(_ signal: Int32) throws(Failure) {
        do throws(Failure) {
            try child?.kill(signal)
        } catch {
            switch error.errno {
            case Errno.noProcess: throw Failure(.notFound, "process already finished")
            case Errno.invalid: throw Failure(.invalidArgument, "signal \(signal)")
            default: throw error
            }
        }
    }
}
