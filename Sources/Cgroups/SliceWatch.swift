import Linux
import Reactor

/// Listens to a slice of systemd's in which there are containers of ours, one for all of them: see ``SliceCount``.
@Loop
final class SliceWatch {
    private static var all: [SliceWatch] = []

    private let path: String
    private let file: FileDescriptor
    private var count: SliceCount
    private var members: [OOMWatch] = []
    private var watch: Reactor.Watch?
    private var timer: Reactor.Timer?

    /// The one of the slice that the scope of the cgroup at `path` is in; nil if it is in none, or nothing counts there.
    static func above(_ path: String) -> SliceWatch? {
        guard let path = slice(of: path) else { return nil }
        // A slice may have been removed, and made again.
        if let known = all.first(where: { $0.path == path && $0.read() != nil }) { return known }
        do throws(Failure) {
            return try SliceWatch(path)
        } catch {
            return nil  // the root has no such file
        }
    }

    /// The slice in which the cgroup at `path` is a scope, or one in a scope: crun makes its own there. Others are not
    /// removed before the container is.
    static func slice(of path: String) -> String? {
        [path, Paths.parent(of: path)].first { $0.hasSuffix(".scope") }.map { Paths.parent(of: $0) }
    }

    private init(_ path: String) throws(Failure) {
        self.path = path
        file = try FileDescriptor(opening: "\(path)/memory.events", .readOnly)
        count = SliceCount(kills: 0)
        try listen()
        // After that, so that nothing can happen between the two.
        count = SliceCount(kills: read() ?? 0)
    }

    /// The container is read with the others from now on.
    func add(_ member: OOMWatch) {
        if members.isEmpty { Self.all.append(self) }
        members.append(member)
        count.add(member.kills)
        if read() != count.kills { settle() }
    }

    /// Its exit was told, or its cgroup is no more.
    func remove(_ member: OOMWatch) {
        members.removeAll { $0 === member }
        count.remove(member.kills)
        guard members.isEmpty else { return }
        stopListening()
        Self.all.removeAll { $0 === self }
    }

    /// Reads the slice and all containers in it. Tells what is new, and of each that is gone whether it had more, as far
    /// as that can be known: see ``SliceCount/settle(slice:containers:removed:)``.
    func settle() {
        var kills: UInt64?
        // Of who was found removed the slice has all kills only when it is read after that.
        repeat {
            kills = read()
            for member in members { member.lookIfPresent() }
        } while read() != kills
        let sum = members.reduce(0) { $0 &+ $1.kills }
        let gone = members.filter { $0.isRemoved }
        let removed = gone.map { SliceCount.Removed(kills: $0.newKills, isExpected: $0.isEndExpected) }
        let had = kills.map { count.settle(slice: $0, containers: sum, removed: removed) }
        for (index, member) in gone.enumerated() { member.end(hasUnreadKill: had?[index] ?? false) }
    }

    private func wake() {
        // It is no more, and so is all that was in it.
        guard let kills = read() else { return stopListening() }
        switch count.woken(slice: kills, at: Monotonic.now()) {
        case .look: settle()
        case .pause: pause()
        case nil: break
        }
    }

    private func listen() throws(Failure) {
        watch = try Reactor.shared.watch(file, for: .priority) { _ in self.wake() }
    }

    private func pause() {
        stopListening()
        timer = Reactor.shared.after(SliceCount.pause) {
            self.timer = nil
            do throws(Failure) {
                // What was said meanwhile is heard then.
                try self.listen()
            } catch {
                self.pause()
            }
        }
    }

    private func stopListening() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
        if let timer { Reactor.shared.cancel(timer) }
        timer = nil
    }

    private func read() -> UInt64? {
        var scanner = FileScanner()
        return scanner.open(file) ? OOMCount.Reading(.countedThenTold, &scanner).kills : nil
    }
}
