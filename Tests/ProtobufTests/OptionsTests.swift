import Linux
import Testing

@testable import Protobuf

struct OptionsTests {
    @Test func `runc's options have their thirteen fields`() throws {
        let options = RuncOptions(
            noPivotRoot: true, noNewKeyring: true, shimCgroup: "/s", ioUID: 1000, ioGID: 1001, binaryName: "crun",
            root: "/r", criuPath: "/criu", systemdCgroup: true, criuImagePath: "/i", criuWorkPath: "/w",
            taskAPIAddress: "a", taskAPIVersion: 3)
        let wire =
            number(1, 1) + number(2, 1) + text(3, "/s") + number(4, 1000) + number(5, 1001) + text(6, "crun")
            + text(7, "/r") + text(8, "/criu") + number(9, 1) + text(10, "/i") + text(11, "/w") + text(12, "a")
            + number(13, 3)
        #expect(try RuncOptions(decoding: wire) == options)
        #expect(options.encoded() == wire)
    }

    @Test func `no bytes are no options`() throws {
        #expect(try RuncOptions(decoding: []) == RuncOptions())
        #expect(RuncOptions().encoded() == [])
        #expect(try RuntimeOptions(decoding: []) == RuntimeOptions())
        #expect(try CheckpointOptions(decoding: []) == CheckpointOptions())
    }

    @Test func `runtime options have a file or its content`() throws {
        #expect(
            try RuntimeOptions(decoding: text(1, "t") + text(2, "/f") + bytes(3, [0, 1]))
                == RuntimeOptions(typeURL: "t", configPath: "/f", configBody: [0, 1]))
    }

    @Test func `checkpoint options have their ten fields`() throws {
        let wire =
            number(1, 1) + number(2, 1) + number(3, 1) + number(4, 1) + number(5, 1) + text(6, "network")
            + text(6, "ipc") + text(7, "soft") + text(8, "/i") + text(9, "/w") + text(10, "/p")
        #expect(
            try CheckpointOptions(decoding: wire)
                == CheckpointOptions(
                    exit: true, openTCP: true, externalUnixSockets: true, terminal: true, fileLocks: true,
                    emptyNamespaces: ["network", "ipc"], cgroupsMode: "soft", imagePath: "/i", workPath: "/w",
                    parentPath: "/p"))
    }
}
