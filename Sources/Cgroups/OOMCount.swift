import Linux

/// How often the kernel has killed in a cgroup for lack of memory, as a machine without IO: what of it is
/// new, and when to look again. What counts is the kernel's counter of kills, not of limits that were hit:
/// a limit of the pod kills in the container too (P-59), and most limits that are hit kill nobody.
///
/// Version 2 counts, and then tells; so whoever looks when told has seen it. Version 1 tells, and then kills
/// and counts. It also tells every cgroup below the one that has no memory left, and once more when the
/// cgroup is removed. So there its word is a reason to look, several times, and no more. Nor does it count for the
/// cgroups above, as version 2 does: a container in a container has kills of its own.
///
/// systemd removes the cgroup of a scope as soon as nobody is in it, and may be faster than we are (P-62). Whether there
/// was a kill then, ``SliceCount`` knows. Version 1 has none of that: there a kill that was told, and never seen counted,
/// is taken for the reason.
struct OOMCount: Equatable {
    enum Order { case countedThenTold, toldThenCounted }

    /// What the kernel's files say.
    struct Reading: Equatable {
        var kills: UInt64
        /// Version 1: the cgroups below that have kills; nil if they could not be read. A sum would not grow where one is
        /// removed, and its heir has some.
        var below: [Below]?
        /// Version 1: nobody may be killed, and processes stand still until there is memory.
        var isStuck = false
    }

    struct Below: Equatable {
        let cgroup: Files.Identity
        let kills: UInt64
    }

    enum Event: Equatable {
        /// The kernel has told us that something happened.
        case woken(Reading)
        /// Somebody had reasons of his own to look.
        case looked(Reading)
        /// ``Action/lookAgain(after:)`` is over.
        case lookedAgain(Reading)
        /// It cannot be read any more: the cgroup was removed; whether with a kill that is known otherwise, and whether it
        /// was to end and needs none.
        case removed(hasUnreadKill: Bool, isExpected: Bool)
    }

    enum Action: Equatable {
        /// There are more kills than before.
        case tell
        /// Come back with ``Event/lookedAgain(_:)``; it takes the place of an earlier one.
        case lookAgain(after: Duration)
        /// Nothing comes any more.
        case end
    }

    /// From the kernel's word to its kill it is some microseconds, unless many want to be killed.
    static let delays: [Duration] = [.milliseconds(5), .milliseconds(50), .milliseconds(500)]

    private let order: Order
    private var kills: UInt64
    private var below: [Below]
    private var looks = 0
    /// Version 1: a kill was told, and none was counted since.
    private var isKillDue = false
    private var isOver = false

    /// `known`: the kills in it are not to be told.
    init(_ order: Order, after known: Reading) {
        self.order = order
        kills = known.kills
        below = known.below ?? []
    }

    mutating func on(_ event: Event) -> [Action] {
        switch (isOver, event) {
        case (true, .woken), (true, .looked), (true, .lookedAgain), (true, .removed): return []
        case (false, .woken(let reading)):
            let news: [Action] = grows(to: reading) || reading.isStuck ? [.tell] : []
            guard order == .toldThenCounted else { return news }
            isKillDue = news.isEmpty
            looks = 0
            return news + next()
        case (false, .looked(let reading)): return grows(to: reading) ? [.tell] : []
        case (false, .lookedAgain(let reading)): return (grows(to: reading) ? [.tell] : []) + next()
        case (false, .removed(let hasUnreadKill, let isExpected)):
            isOver = true
            return ((hasUnreadKill || isKillDue) && !isExpected ? [.tell] : []) + [.end]
        }
    }

    private mutating func grows(to reading: Reading) -> Bool {
        let known = self
        kills = reading.kills
        below = reading.below ?? below
        let grows =
            kills > known.kills
            || below.contains { one in one.kills > (known.below.first { $0.cgroup == one.cgroup }?.kills ?? 0) }
        if grows { isKillDue = false }
        return grows
    }

    private mutating func next() -> [Action] {
        guard looks < Self.delays.count else {
            isKillDue = false
            return []
        }
        looks += 1
        return [.lookAgain(after: Self.delays[looks - 1])]
    }
}
