import Linux
import Reactor
import Testing

@testable import OCIRuntime

@Loop
struct RuntimeCheckpointTests {
    @Test func `a checkpoint has the words that were asked for, in the peers' order`() {
        var checkpoint = Runtime.Checkpoint(imagePath: "/i", workPath: "/w")
        #expect(
            Runtime.checkpoint("c1", checkpoint)
                == ["checkpoint", "--image-path", "/i", "--work-path", "/w", "--leave-running", "c1"])
        checkpoint.parentPath = "/p"
        checkpoint.openTCP = true
        checkpoint.externalUnixSockets = true
        checkpoint.terminal = true
        checkpoint.fileLocks = true
        checkpoint.emptyNamespaces = ["network", "uts"]
        checkpoint.leavesRunning = false
        #expect(
            Runtime.checkpoint("c1", checkpoint) == [
                "checkpoint", "--image-path", "/i", "--work-path", "/w", "--parent-path", "/p", "--tcp-established",
                "--ext-unix-sk", "--shell-job", "--file-locks", "--empty-ns", "network", "--empty-ns", "uts", "c1",
            ])
    }

    @Test func `a restore leaves out for crun what it does not know`() {
        let creation = Runtime.Creation(
            bundle: "/b", pidFile: "/b/init.pid", consoleSocket: "/s", noPivot: true, noNewKeyring: true)
        let restoration = Runtime.Restoration(
            imagePath: "/i", workPath: "/w", parentPath: "/p", creation: creation)
        let common = ["--detach", "--pid-file", "/b/init.pid", "--console-socket", "/s"]
        #expect(
            Runtime.restore("c1", restoration, dialect: .runc)
                == ["restore", "--image-path", "/i", "--work-path", "/w", "--parent-path", "/p"] + common
                + ["--no-pivot", "--no-subreaper", "--bundle", "/b", "c1"])
        #expect(
            Runtime.restore("c1", restoration, dialect: .crun)
                == ["restore", "--image-path", "/i", "--work-path", "/w"] + common + ["--bundle", "/b", "c1"])
    }

    @Test(arguments: [
        ("echo crun version 1.21", Runtime.Dialect.crun), ("echo runc version 1.3.0", .runc),
        ("echo crunch 1", .runc), ("exit 1", .runc), ("echo wrapper; echo crun version 1", .runc),
    ])
    func `a runtime says itself whether it is crun`(script: String, dialect: Runtime.Dialect) async throws {
        let scratch = try Scratch()
        #expect(try await scratch.runtime("[ \"$*\" = --version ] || exit 9; \(script)").dialect() == dialect)
    }

    @Test func `what CRIU failed for is its last error before it gave up`() throws {
        let scratch = try Scratch()
        let log = try scratch.file(
            "restore.log",
            """
            (00.01) Error (criu/util.c:1): rlimit: not permitted
            (00.02) nothing
            (00.03) Error (criu/protobuf.c:72): Unexpected EOF
            (00.04) Error (criu/cr-restore.c:2): Restoring FAILED.
            (00.05) Error (criu/cgroup.c:1): cgroupd: later
            """)
        #expect(CRIULog.reason(in: log) == "(00.03) Error (criu/protobuf.c:72): Unexpected EOF")
        #expect(CRIULog.reason(in: try scratch.file("fine.log", "(00.01) Error (x): y\n")) == nil)
        #expect(CRIULog.reason(in: "\(scratch.path)/none") == nil)
    }

    @Test func `of a long log only the end is read`() throws {
        let scratch = try Scratch()
        let filler = String(repeating: "(00.01) Error (a): early\n", count: 100_000)
        let log = try scratch.file("dump.log", filler + "(00.02) Error (b): late\n(00.03) Error (c): Dumping FAILED.\n")
        #expect(CRIULog.reason(in: log) == "(00.02) Error (b): late")
    }
}
