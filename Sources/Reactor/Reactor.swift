import CLinux
package import Linux
import _Concurrency

/// Descriptors, deadlines and children, over one epoll set.
///
/// What always holds: a callback runs on the loop, between jobs, and never inside another callback.
/// A watch that was cancelled is not called again, not even for an event of the same epoll_wait:
/// each watch has a generation, and an event of an older one is dropped. So a descriptor may be
/// closed in any callback, once its watch is cancelled.
@Loop
package final class Reactor {
    package static let shared = Reactor()

    /// What a descriptor is ready for, and what a watch asks for. `hungUp` and `failed` are always
    /// reported. With `edge`, an event comes for each change instead of as long as the state lasts.
    package struct Readiness: OptionSet {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let readable = Readiness(rawValue: UInt32(CLINUX_IN))
        /// Of a file of the kernel's: it has changed since it was read (kernfs, `/proc/self/mountinfo`).
        package static let priority = Readiness(rawValue: UInt32(CLINUX_PRIORITY))
        package static let writable = Readiness(rawValue: UInt32(CLINUX_OUT))
        package static let failed = Readiness(rawValue: UInt32(CLINUX_ERR))
        package static let hungUp = Readiness(rawValue: UInt32(CLINUX_HUP))
        package static let edge = Readiness(rawValue: UInt32(CLINUX_EDGE))
    }

    /// One registration: data, to be handed back to ``change(_:to:)`` and ``cancel(_:)-(Watch)``.
    package struct Watch {
        fileprivate let fd: Int32
        fileprivate let generation: UInt32
    }

    /// One deadline.
    package struct Timer {
        fileprivate let number: UInt32
    }

    package typealias Handler = @Loop (Readiness) -> Void

    private struct Source {
        let generation: UInt32
        var interest: Readiness
        let handler: Handler
    }

    private struct Deadline {
        let due: Int64
        let number: UInt32
        let handler: @Loop () -> Void
    }

    private let epoll: FileDescriptor
    private var sources: [Int32: Source] = [:]
    private var deadlines: [Deadline] = []  // the next one last
    private var last: UInt32 = 0
    private var beforeWaiting: (@Loop () -> Void)?
    private var slow: (limit: Int64, handler: @Loop (Duration) -> Void)?
    private var busySince: Int64?

    private init() {
        epoll = FileDescriptor(owning: clinux_epoll_create())
        precondition(epoll.raw >= 0, "no epoll")
        // @Sendable: a closure that inherited @Loop would look for the actor, which runs in no job now.
        clinux_executor_when_idle { @Sendable in Loop.assumeIsolated { Reactor.shared.turn() } }
    }

    /// Calls `handler` whenever `descriptor` is ready as asked, until the watch is cancelled. The
    /// descriptor stays the caller's.
    package func watch(
        _ descriptor: borrowing FileDescriptor, for interest: Readiness, _ handler: @escaping Handler
    ) throws(Failure) -> Watch {
        last &+= 1
        let watch = Watch(fd: descriptor.raw, generation: last)
        try check(clinux_epoll_add(epoll.raw, watch.fd, interest.rawValue, token(watch)), "epoll_ctl", "fd \(watch.fd)")
        sources[watch.fd] = Source(generation: watch.generation, interest: interest, handler: handler)
        return watch
    }

    /// Asks for something else from now on; also reports again what an `edge` watch was told before.
    package func change(_ watch: Watch, to interest: Readiness) {
        guard let source = sources[watch.fd], source.generation == watch.generation else { return }
        guard interest != source.interest || interest.contains(.edge) else { return }
        if clinux_epoll_change(epoll.raw, watch.fd, interest.rawValue, token(watch)) < 0 {
            cancel(watch)  // it was closed under us: nothing can come of it
        } else {
            sources[watch.fd]?.interest = interest
        }
    }

    /// Ends a watch; before the descriptor is closed.
    package func cancel(_ watch: Watch) {
        guard sources[watch.fd]?.generation == watch.generation else { return }
        sources.removeAndShrink(watch.fd)
        _ = clinux_epoll_remove(epoll.raw, watch.fd)  // nothing to do if it is closed already
    }

    /// Calls `handler` once, not before `delay` has passed.
    package func after(_ delay: Duration, _ handler: @escaping @Loop () -> Void) -> Timer {
        last &+= 1
        let (due, overflow) = clinux_now().addingReportingOverflow(max(0, delay.nanoseconds))
        let deadline = Deadline(due: overflow ? .max : due, number: last, handler: handler)
        var index = deadlines.count
        while index > 0, deadlines[index - 1].due <= deadline.due { index -= 1 }
        deadlines.insert(deadline, at: index)
        return Timer(number: last)
    }

    /// The handler of `timer` is not called any more.
    package func cancel(_ timer: Timer) { deadlines.removeAll { $0.number == timer.number } }

    /// Moves what it remembers to where it holds little memory (``Swift/Dictionary/compact()``).
    package func compact() {
        sources.compact()
        deadlines.compact()
    }

    /// Suspends for at least `duration`.
    package func sleep(_ duration: Duration) async {
        await Waiter<Void>.suspend { waiter in _ = after(duration) { waiter.resume(()) } }
    }

    /// Calls `handler` when the work of one turn has taken longer than `limit`, during which nobody else was heard.
    package func whenSlow(_ limit: Duration, _ handler: @escaping @Loop (Duration) -> Void) {
        slow = (limit.nanoseconds, handler)
    }

    /// Runs `hook` each time all work is done, before the loop waits. The reaper's place.
    func setBeforeWaiting(_ hook: @escaping @Loop () -> Void) { beforeWaiting = hook }

    private func token(_ watch: Watch) -> UInt64 {
        UInt64(watch.generation) << 32 | UInt64(UInt32(bitPattern: watch.fd))
    }

    /// Waits until something is due, and calls whoever asked for it.
    private func turn() {
        beforeWaiting?()
        noteSlowness()
        // SAFETY: the glue fills at most `capacity` of each.
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 64) { tokens in
            unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { events in
                guard let first = tokens.baseAddress, let second = events.baseAddress else { return }
                let count = unsafe clinux_epoll_wait(epoll.raw, first, second, 64, millisecondsToNextDeadline())
                precondition(count >= 0, "epoll_wait refused its own descriptor")
                if slow != nil { busySince = clinux_now() }
                for index in 0..<Int(count) {
                    deliver(token: unsafe tokens[index], Readiness(rawValue: unsafe events[index]))
                }
            }
        }
        let now = clinux_now()
        while let deadline = deadlines.last, deadline.due <= now {
            deadlines.removeLast()
            deadline.handler()
        }
    }

    private func noteSlowness() {
        guard let slow, let began = busySince else { return }
        let took = clinux_now() - began
        if took > slow.limit { slow.handler(.nanoseconds(took)) }
    }

    private func deliver(token: UInt64, _ readiness: Readiness) {
        let fd = Int32(truncatingIfNeeded: token)
        guard let source = sources[fd], source.generation == UInt32(token >> 32) else { return }
        source.handler(readiness)
    }

    private func millisecondsToNextDeadline() -> Int32 {
        // The hook may have resumed somebody: then there is no time to wait.
        guard clinux_executor_has_work() == 0 else { return 0 }
        guard let next = deadlines.last else { return -1 }
        let (wait, overflow) = next.due.subtractingReportingOverflow(clinux_now())
        guard !overflow, wait > 0 else { return 0 }
        return Int32(clamping: wait / 1_000_000 + 1)
    }
}
