import CLinux
import Testing

@testable import Linux

struct FilesTests {
    private let directory = Directory()

    @Test(arguments: [0, 1, 4096, 4097, 300_000])
    func `what is written is read again`(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        try Files.writeAtomically(bytes, to: directory.file)
        #expect(try Files.read(directory.file) == bytes)
        #expect(try Files.directories(in: directory.path) == [])
    }

    @Test func `a file longer than the limit is refused`() throws {
        try Files.writeAtomically([UInt8](repeating: 1, count: 5000), to: directory.file)
        #expect(try Files.read(directory.file, limit: 5000).count == 5000)
        #expect(throws: Failure(.invalidArgument, "\(directory.file): longer than 4999 bytes")) {
            try Files.read(directory.file, limit: 4999)
        }
    }

    @Test func `a kernel file without a size is read whole`() throws {
        #expect(try Files.text("/proc/self/status").hasPrefix("Name:"))
    }

    @Test func `an atomic write replaces the file and leaves nothing beside it`() throws {
        try Files.writeAtomically([1], to: directory.file)
        let before = Files.identity(of: directory.file)
        try Files.writeAtomically([2], to: directory.file)
        #expect(try Files.read(directory.file) == [2])
        #expect(Files.identity(of: directory.file) != before)
        #expect(throws: Failure.self) { try Files.writeAtomically([3], to: "\(directory.path)/none/file") }
    }

    @Test func `a missing file is a failure with its errno and its name`() {
        let failure = #expect(throws: Failure.self) { try Files.read("/no/such") }
        #expect(failure == Failure(.unknown, errno: Errno.noEntry, "open /no/such: no such file or directory"))
        #expect(throws: Failure.self) { try Files.write("x", toExisting: "\(directory.path)/none") }
        #expect(!Files.exists("\(directory.path)/none"))
    }

    @Test func `directories are made with those above, and again`() throws {
        let deep = "\(directory.path)/a/b"
        try Files.makeDirectories(deep, mode: 0o755)
        try Files.makeDirectories(deep, mode: 0o755)
        try Files.makeDirectory(deep, mode: 0o755)
        try Files.writeAtomically([], to: "\(directory.path)/a/file")
        #expect(Files.isDirectory(deep))
        #expect(try Files.directories(in: "\(directory.path)/a") == ["b"])
        Files.remove("\(directory.path)/a/file")
        Files.remove("\(directory.path)/a/file")
        Files.removeDirectory(deep)
        Files.removeDirectory("\(directory.path)/a")
        #expect(!Files.exists("\(directory.path)/a"))
    }

    @Test func `only a file that may be executed is executable`() throws {
        try Files.writeAtomically([], to: directory.file)
        #expect(!Files.isExecutable(directory.file))
        #expect(!Files.isExecutable("/bin"))
        #expect(Files.isExecutable("/bin/sh"))
    }

    @Test func `a fifo is told from a file`() throws {
        try Files.writeAtomically([], to: directory.file)
        #expect(!Files.isFifo(directory.file))
        Files.remove(directory.file)
        #expect(unsafe clinux_make_fifo(directory.file, 0o600) == 0)
        #expect(Files.isFifo(directory.file))
        #expect(!Files.isFifo("/no/such"))
    }
}

private final class Directory {
    let path = "/tmp/swiftrunc-\(Process.randomName())"
    var file: String { "\(path)/file" }

    init() { try? Files.makeDirectory(path, mode: 0o700) }

    deinit {
        Files.remove(file)
        Files.removeDirectory(path)
    }

    @Test func `a tree is removed with all that is in it, and what it links to stays`() throws {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        let kept = "\(path)-kept"
        try Files.makeDirectories("\(path)/a/b", mode: 0o700)
        try Files.makeDirectory(kept, mode: 0o700)
        try Files.writeAtomically([1], to: "\(path)/a/file")
        try Files.writeAtomically([2], to: "\(kept)/file")
        _ = try Child(starting: Program("/bin/ln", ["-s", kept, "\(path)/a/b/link"]), descriptors: [0, 1, 2])
        while !Files.exists("\(path)/a/b/link/file") { Process.sleep(milliseconds: 1) }
        Files.removeTree(path)
        #expect(!Files.exists(path))
        #expect(try Files.read("\(kept)/file") == [2])
        Files.removeTree(kept)
        Files.removeTree(kept)
    }

    @Test(arguments: [0, 1, 4096, 100_001])
    func `a copy is the same, whatever was there before`(count: Int) throws {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        defer {
            Files.remove(path)
            Files.remove("\(path).copy")
        }
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try Files.writeAtomically(bytes, to: path)
        try Files.writeAtomically([UInt8](repeating: 9, count: 200_000), to: "\(path).copy")
        try Files.copy(path, to: "\(path).copy")
        #expect(try Files.read("\(path).copy") == bytes)
    }

    @Test func `a copy of what is not there makes nothing`() {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        #expect(throws: Failure.self) { try Files.copy("\(path).none", to: path) }
        #expect(!Files.exists(path))
    }
}
