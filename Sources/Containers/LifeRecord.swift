package import Cgroups
package import Linux

/// What is known of a container's init beyond the end of its shim: a file in the bundle, for the `delete` action.
///
/// It is written whole when init is there, and gets a line more when init has ended, each before anybody hears of it. The
/// line fits into the block that the file has, and so finds its place on a full disk too. A shim that lives does not read
/// it: that it could not be written is something for the log.
package struct LifeRecord: Equatable {
    /// The container's id: a file of another container says nothing of this one.
    package var id: String
    /// Which boot of the machine ``process`` and ``cgroup`` are of.
    package var boot: String
    package var process: ProcessIdentity?
    /// The cgroup that was the container's alone, if there was one.
    package var cgroup: Place?
    /// How init ended; nil if it had not when the shim was there last.
    package var exit: Exit?

    /// A cgroup's directory, and what tells it from a later one at the same path.
    package struct Place: Equatable {
        package var path: String
        package var identity: String

        package init(path: String, identity: String) {
            self.path = path
            self.identity = identity
        }

        /// The cgroup, if it is still there.
        package var current: Cgroup? {
            guard let cgroup = Cgroup(at: path), cgroup.identity?.text == identity else { return nil }
            return cgroup
        }
    }

    private static let heading = "swiftrunc life 1"
    /// A path has at most 4096 bytes.
    private static let mostBytes = 16384

    /// Of init as it is now; `pid` is nil if it has been reaped. Its cgroup counts if nobody else is in it: not every
    /// runtime refuses to share one.
    init(_ id: String, pid: Int32?, cgroup: Cgroup?) {
        self.id = id
        boot = ProcessIdentity.boot
        process = pid.flatMap { ProcessIdentity(of: $0) }
        if let pid, let cgroup, cgroup.processes() == [pid], let identity = cgroup.identity {
            self.cgroup = Place(path: cgroup.path, identity: identity.text)
        }
    }

    /// Of one of which only the end is known.
    init(_ id: String, _ exit: Exit) {
        self.id = id
        boot = ""
        self.exit = exit
    }

    static func path(in bundle: String) -> String { "\(bundle)/init.life" }

    /// What a bundle has for the container `id`; nil if there is none, or it is damaged, or another's.
    package init?(of id: String, in bundle: String) {
        do throws(Failure) {
            try self.init(parsing: Files.read(Self.path(in: bundle), limit: Self.mostBytes))
        } catch {
            return nil
        }
        guard self.id == id else { return nil }
        if boot != ProcessIdentity.boot { (process, cgroup) = (nil, nil) }
    }

    /// One line of each kind, each ended: what was cut off has no end, and is not there.
    init(parsing bytes: [UInt8]) throws(Failure) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        guard let first = lines.first, first.elementsEqual(Self.heading.utf8) else {
            throw Failure(.invalidArgument, "no record of a life")
        }
        (id, boot) = ("", "")
        for line in lines.dropFirst() {
            guard add(line) else {
                throw Failure(.invalidArgument, "record of a life: \(String(decoding: line, as: UTF8.self))")
            }
        }
    }

    private mutating func add(_ line: ArraySlice<UInt8>) -> Bool {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        let rest = words.dropFirst(2).joined(separator: " ")
        switch (words[0], words.count) {
        case ("container", 2): id = words[1]
        case ("boot", 2): boot = words[1]
        case ("process", 3):
            guard let pid = Int32(words[1]), pid > 0, let start = UInt64(words[2]) else { return false }
            process = ProcessIdentity(pid: pid, start: start)
        // A path may have blanks.
        case ("cgroup", 3...): cgroup = Place(path: rest, identity: words[1])
        case ("exit", 4):
            guard let status = UInt32(words[1]), let seconds = Int64(words[2]), let nanoseconds = Int32(words[3]),
                (0..<1_000_000_000).contains(nanoseconds)
            else { return false }
            exit = exit ?? Exit(status: status, time: Timestamp(seconds: seconds, nanoseconds: nanoseconds))
        default: return false
        }
        return true
    }

    /// The whole file.
    var text: String {
        var text = "\(Self.heading)\ncontainer \(id)\n"
        if !boot.isEmpty { text += "boot \(boot)\n" }
        if let process { text += "process \(process.pid) \(process.start)\n" }
        if let cgroup { text += "cgroup \(cgroup.identity) \(cgroup.path)\n" }
        return text + (exit.map { Self.line($0) } ?? "")
    }

    private static func line(_ exit: Exit) -> String {
        "exit \(exit.status) \(exit.time.seconds) \(exit.time.nanoseconds)\n"
    }

    func write(in bundle: String) throws(Failure) {
        try Files.writeAtomically(Array(text.utf8), to: Self.path(in: bundle))
    }

    static func remove(from bundle: String) { Files.remove(path(in: bundle)) }

    /// Adds how init of the container `id` ended. Of several ends the first counts.
    package static func add(_ exit: Exit, of id: String, in bundle: String) throws(Failure) {
        let path = path(in: bundle)
        do throws(Failure) {
            let file = try FileDescriptor(opening: path, [.writeOnly, .append])
            try Files.writeAll(Array(line(exit).utf8), to: file, named: path)
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
            try LifeRecord(id, exit).write(in: bundle)
        }
    }
}
