import Linux

/// The kills in a slice of systemd's, and whose they were, as a machine without IO.
///
/// systemd removes the cgroup of a scope as soon as nobody is in it, and what that has counted is gone. But the slice has
/// counted it too. What the slice has more than our containers in it, others had: services, other shims' containers, and
/// those of ours that were removed before they could be read. So if a container is found removed, and the others have
/// had more kills than before, then such a kill was its own, however its init has ended; provided that what was before
/// is known well. That is why each kill in the slice is a reason to look. What is left is the time in which another's
/// kill is not told to us yet: 10 ms at most (`CGROUP_FILE_NOTIFY_MIN_INTV`), or a ``pause``; and, where several are found
/// removed at once, whose it was.
///
/// The kernel counts for a container first and then for the slice, and we read the slice first and then the containers.
/// So its number may lack a kill that a container's has, and never has one that a container's lacks.
struct SliceCount: Equatable {
    enum Action: Equatable {
        /// There was a kill: read all of it, and ``settle(slice:containers:removed:)``.
        case look
        /// Hear of nothing for ``pause``.
        case pause
    }

    /// A container that was found removed.
    struct Removed: Equatable {
        /// Those that it is known to have had since it is watched.
        let kills: UInt64
        /// It was to end, and needs no kill to explain that.
        var isExpected = false
    }

    /// After so many words of the kernel's in a row that were not of a kill, there is a pause. It says as well that a
    /// limit was hit, up to 100 times a second where there is one that is hit all the time, to each shim of the machine.
    static let patience = 10
    static let pause = Duration.milliseconds(250)

    /// The slice's own number when it was read last.
    private(set) var kills: UInt64
    /// Those in it that no container of ours is known to have had; never too many.
    private var others: Int64
    private var idleWords = 0
    private var lastWord: Int64 = 0

    init(kills: UInt64) {
        self.kills = kills
        others = Int64(clamping: kills)
    }

    /// A container is read from now on, and has already had `kills`.
    mutating func add(_ kills: UInt64) { others -= Int64(clamping: kills) }

    /// A container is not read any more, and was last found to have had `kills`.
    mutating func remove(_ kills: UInt64) { others += Int64(clamping: kills) }

    /// The kernel has told us that something happened in the slice. `now`: monotonic, in nanoseconds.
    mutating func woken(slice: UInt64, at now: Int64) -> Action? {
        if slice != kills || now - lastWord > Self.pause.nanoseconds * 2 { idleWords = 0 }
        lastWord = now
        guard slice == kills else { return .look }
        idleWords += 1
        return idleWords > Self.patience ? .pause : nil
    }

    /// Which of the `removed` had a kill that was not read: none, unless others have had more than before. Of several it
    /// cannot be known whose it was. Where a kill is known already, that is what the container has ended of, most likely,
    /// and it is passed over as long as there is one without. Of those that remain all had one, so that none is missed.
    ///
    /// `slice`: its number, read before those of the containers, of which `containers` is the sum, with the last one of
    /// each that was found removed.
    mutating func settle(slice: UInt64, containers: UInt64, removed: [Removed]) -> [Bool] {
        kills = slice
        let now = Int64(clamping: slice) - Int64(clamping: containers)
        let hasMore = now > others
        others = max(others, now)
        let areAllExplained = removed.allSatisfy { $0.isExpected || $0.kills > 0 }
        return removed.map { hasMore && !$0.isExpected && (areAllExplained || $0.kills == 0) }
    }
}
