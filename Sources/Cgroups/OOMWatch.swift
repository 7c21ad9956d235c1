package import Linux
package import Reactor

/// Tells when the kernel has killed in a cgroup for lack of memory (C-6.40, C-6.42).
///
/// Version 2: `memory.events` stays open, and the kernel says that it has changed (kernfs_notify); no inotify,
/// of which a user has 128 only. Version 1: an eventfd. Either file is that of the cgroup that was there at
/// the beginning: once that is removed it cannot be read, even if another has the same path by then (P-63).
@Loop
package final class OOMWatch {
    private let order: OOMCount.Order
    private let file: FileDescriptor
    /// Version 1: its directory, for those below.
    private let directory: String?
    /// Version 1: what the kernel raises.
    private let counter: FileDescriptor?
    private var count: OOMCount
    /// Version 2: where systemd may remove the cgroup before it is read.
    private var slice: SliceWatch?
    /// Those in the cgroup when it was read last.
    private(set) var kills: UInt64 = 0
    /// Those before it was watched.
    private var earlierKills: UInt64 = 0
    /// It was found removed.
    private(set) var isRemoved = false
    /// How many have asked for its end, and were not refused.
    private var expectations = 0
    private var watch: Reactor.Watch?
    private var timer: Reactor.Timer?
    private let tell: @Loop () -> Void

    /// Begins to watch. `tell` is called each time there are more kills than before, until ``cancel()``: those
    /// from now on, or all there ever were if `countsEarlier`, which are told by the first ``look()``.
    ///
    /// Fails where the kernel does not count memory for the cgroup.
    package static func begin(
        _ cgroup: Cgroup, countsEarlier: Bool, tell: @escaping @Loop () -> Void
    ) throws(Failure) -> OOMWatch {
        switch cgroup.version {
        case .unified:
            let file = try FileDescriptor(opening: "\(cgroup.path)/memory.events", .readOnly)
            return try OOMWatch(
                .countedThenTold, file, in: cgroup.path, counter: nil, countsEarlier: countsEarlier, tell: tell)
        case .legacy:
            let directory = cgroup.directory(of: .memory)
            guard !directory.isEmpty else { throw Failure(.failedPrecondition, "no cgroup of the memory controller") }
            let control = try FileDescriptor(opening: "\(directory)/memory.oom_control", .readOnly)
            let raised = try FileDescriptor.eventCounter()
            try Files.write("\(raised.raw) \(control.raw)", toExisting: "\(directory)/cgroup.event_control")
            return try OOMWatch(
                .toldThenCounted, control, in: directory, counter: raised, countsEarlier: countsEarlier, tell: tell)
        }
    }

    private init(
        _ order: OOMCount.Order, _ file: consuming FileDescriptor, in directory: String,
        counter: consuming FileDescriptor?, countsEarlier: Bool, tell: @escaping @Loop () -> Void
    ) throws(Failure) {
        self.order = order
        self.file = file
        self.directory = order == .toldThenCounted ? directory : nil
        self.counter = counter
        self.tell = tell
        count = OOMCount(order, after: OOMCount.Reading(kills: 0))
        // Before the first look, so that nothing can happen between the two.
        try listen()
        if order == .countedThenTold { slice = SliceWatch.above(directory) }
        if var known = read() {
            earlierKills = kills
            if countsEarlier {
                known.kills = 0
                known.below = []
            }
            count = OOMCount(order, after: known)
            slice?.add(self)
        } else {
            end(hasUnreadKill: false)
        }
    }

    /// Whether anything can still be told.
    var isWatching: Bool { watch != nil }
    /// Whether a removal needs no kill of the kernel's to explain it.
    var isEndExpected: Bool { expectations > 0 }
    /// Those that are known since it is watched.
    var newKills: UInt64 { kills - min(kills, earlierKills) }

    private func listen() throws(Failure) {
        switch counter {
        case .some(let counter):
            watch = try Reactor.shared.watch(counter, for: .readable) { _ in self.wake() }
        case nil:
            watch = try Reactor.shared.watch(file, for: .priority) { _ in self.wake() }
        }
    }

    private func wake() {
        switch counter {
        case .some(let counter): _ = counter.readNow(atMost: 8)  // how often is not said reliably anyway
        case nil: break
        }
        handle { .woken($0) }
    }

    /// Tells what was not told yet. When an exit is known, the kernel has counted the kill that was its reason.
    package func look() { handle { .looked($0) } }

    /// A look, after which somebody ends what is in the cgroup: its removal needs no kill of the kernel's to explain it.
    package func expectEnd() {
        look()
        expectations += 1
    }

    /// What was to end it after an ``expectEnd()`` has failed.
    package func expectNoEnd() { expectations -= 1 }

    /// Nothing is told any more.
    package func cancel() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
        if let timer { Reactor.shared.cancel(timer) }
        timer = nil
        slice?.remove(self)
        slice = nil
    }

    private func handle(_ event: (OOMCount.Reading) -> OOMCount.Event) {
        guard isWatching else { return }
        if let reading = read() {
            perform(count.on(event(reading)))
        } else if let slice {
            slice.settle()
        } else {
            end(hasUnreadKill: false)
        }
    }

    /// For the slice's account of the kills in it.
    func lookIfPresent() {
        guard !isRemoved else { return }
        if let reading = read() { perform(count.on(.looked(reading))) } else { isRemoved = true }
    }

    /// The cgroup was removed.
    func end(hasUnreadKill: Bool) {
        perform(count.on(.removed(hasUnreadKill: hasUnreadKill, isExpected: isEndExpected)))
    }

    private func perform(_ actions: [OOMCount.Action]) {
        for action in actions {
            switch action {
            case .tell: tell()
            case .lookAgain(let delay):
                if let timer { Reactor.shared.cancel(timer) }
                timer = Reactor.shared.after(delay) {
                    self.timer = nil
                    self.handle { .lookedAgain($0) }
                }
            case .end: cancel()
            }
        }
    }

    /// nil: the cgroup is no more, or its file cannot be read, which would not be better the next time.
    private func read() -> OOMCount.Reading? {
        // Before its own file, which cannot be read if this is another's directory by now.
        let below = directory.flatMap(Self.readBelow)
        var scanner = FileScanner()
        guard scanner.open(file) else { return nil }
        var reading = OOMCount.Reading(order, &scanner)
        reading.below = below
        kills = reading.kills
        return reading
    }

    /// The cgroups below a directory of version 1 that have kills; nil if that cannot be found out now.
    static func readBelow(_ directory: String) -> [OOMCount.Below]? {
        var all: [OOMCount.Below] = []
        do throws(Failure) {
            for name in try Files.directories(in: directory) {
                let path = "\(directory)/\(name)"
                if let own = try readKills(path) { all.append(own) }
                guard let below = readBelow(path) else { return nil }
                all += below
            }
        } catch {
            guard isRemoval(error.errno) else { return nil }  // what it has counted is told or lost
        }
        return all
    }

    private static func readKills(_ directory: String) throws(Failure) -> OOMCount.Below? {
        let path = "\(directory)/memory.oom_control"
        do throws(Failure) {
            let file = try FileDescriptor(opening: path, .readOnly)
            var scanner = FileScanner()
            guard scanner.open(file) else { throw Failure(.unknown, errno: scanner.errno, "read \(path)") }
            let kills = OOMCount.Reading(.toldThenCounted, &scanner).kills
            return kills > 0 ? Files.identity(of: file).map { OOMCount.Below(cgroup: $0, kills: kills) } : nil
        } catch {
            guard isRemoval(error.errno) else { throw error }
            return nil
        }
    }

    /// Whether the kernel says so of a cgroup that is no more. Anything else may be better the next time.
    private static func isRemoval(_ errno: Int32) -> Bool { errno == Errno.noEntry || errno == Errno.noDevice }
}

extension OOMCount.Reading {
    /// Of `memory.events`, version 2, or `memory.oom_control`, version 1. A group that was killed as one
    /// (`oom_group_kill`) is among `oom_kill` with each of its processes.
    init(_ order: OOMCount.Order, _ file: inout FileScanner) {
        switch order {
        case .countedThenTold:
            var events = [UInt64](repeating: 0, count: 6)
            file.fill(&events, named: UnifiedMetrics.eventNames)
            self.init(kills: events[4])
        case .toldThenCounted:
            var control: [UInt64] = [0, 0, 0]
            file.fill(&control, named: LegacyMetrics.oomNames)
            self.init(kills: control[2], isStuck: control[0] != 0 && control[1] != 0)
        }
    }
}
