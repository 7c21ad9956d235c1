import Linux
import Testing

@testable import Mounts

struct MountOptionsTests {
    static let setters: [(String, MountFlags)] = [
        ("ro", .readOnly), ("nosuid", .noSUID), ("nodev", .noDevices), ("noexec", .noExec), ("sync", .synchronous),
        ("dirsync", .synchronousDirectories), ("remount", .remount), ("mand", .mandatoryLocks),
        ("noatime", .noAccessTime), ("nodiratime", .noDirectoryAccessTime), ("bind", .bind),
        ("rbind", [.bind, .recursive]), ("relatime", .relativeAccessTime), ("strictatime", .strictAccessTime),
    ]
    static let clearers = [
        ("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"), ("sync", "async"), ("mand", "nomand"),
        ("noatime", "atime"), ("nodiratime", "diratime"), ("relatime", "norelatime"), ("strictatime", "nostrictatime"),
    ]
    static let propagations: [(String, MountFlags)] = [
        ("shared", .shared), ("rshared", [.shared, .recursive]), ("private", .private),
        ("rprivate", [.private, .recursive]), ("slave", .slave), ("rslave", [.slave, .recursive]),
        ("unbindable", .unbindable), ("runbindable", [.unbindable, .recursive]),
    ]

    @Test(arguments: setters)
    func `a word sets its flag and nothing else`(word: String, flag: MountFlags) throws {
        let options = try MountOptions([word])
        #expect(options.flags == flag)
        #expect(options.propagation == [])
        #expect(options.data == "")
    }

    @Test(arguments: clearers)
    func `another word clears it again`(word: String, opposite: String) throws {
        #expect(try MountOptions([word, "bind", opposite]).flags == .bind)
        #expect(try !MountOptions([opposite, word]).flags.isEmpty)
    }

    @Test(arguments: propagations)
    func `propagation is not a flag of the mount`(word: String, flags: MountFlags) throws {
        let options = try MountOptions(["rbind", word])
        #expect(options.flags == [.bind, .recursive])
        #expect(options.propagation == flags)
        #expect(options.data == "")
    }

    @Test func `everything else is data, in order and as it is`() throws {
        let options = try MountOptions(["defaults", "lowerdir=/a:/b,\"c\"", "ro", "upperdir=/u", "X-mount.mkdir"])
        #expect(options.data == "lowerdir=/a:/b,\"c\",upperdir=/u,X-mount.mkdir")
        #expect(options.flags == .readOnly)
    }

    @Test func `only a read-only bind mount needs a second call`() throws {
        #expect(try MountOptions(["rbind", "ro"]).needsReadOnlyRemount)
        #expect(try !MountOptions(["rbind"]).needsReadOnlyRemount)
        #expect(try !MountOptions(["ro"]).needsReadOnlyRemount)
    }

    @Test func `an option for containerd itself is an error`() {
        let text = "internal mount option \"X-containerd.mkfs=1\" was not consumed by the mount manager"
        #expect(throws: Failure(.invalidArgument, text)) { try MountOptions(["X-containerd.mkfs=1"]) }
    }

    @Test func `a loop device, and its way past the page cache, are no data`() throws {
        let options = try MountOptions(["loop", "direct-io", "noload"])
        #expect(options.isLoop && options.isDirect)
        #expect(options.data == "noload")
        // Without a loop device the word is the file system's.
        #expect(try MountOptions(["direct-io"]).data == "direct-io")
        #expect(try !MountOptions(["direct-io"]).isDirect)
    }

    @Test func `owners are mapped if both maps are there`() throws {
        let options = try MountOptions(["uidmap=0:100000:65536,65536:0:1", "gidmap=0:5:1", "userxattr"])
        #expect(options.owners == OwnerMap(users: "0 100000 65536\n65536 0 1\n", groups: "0 5 1\n"))
        #expect(options.data == "userxattr")
        let one = try MountOptions(["uidmap=0:100000:65536"])
        #expect(one.owners == nil && one.data == "")
    }

    @Test(arguments: ["uidmap=", "gidmap=0:1", "uidmap=0:1:2:3", "gidmap=0:1:2,", "uidmap=0:-1:1", "gidmap=a:b:c"])
    func `what is no map is refused`(option: String) {
        #expect(throws: Failure(.invalidArgument, "mount option \(option): not OWNER:SEEN-AS:COUNT")) {
            try MountOptions([option])
        }
    }
}
