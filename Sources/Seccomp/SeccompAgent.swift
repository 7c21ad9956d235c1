package import Linux
package import Reactor
import _Concurrency

/// Listens to the calls of one container that its profile denies, or makes, and answers as the profile says.
///
/// What always holds: only what the profile itself allows is ever allowed, and only in ``SeccompMode/record``. Where nobody
/// answers, for we are busy or gone, a call waits, or the kernel denies it (seccomp_unotify(2)).
@Loop
package final class SeccompAgent {
    /// What is wanted for a container.
    package struct Plan: Equatable {
        package var mode: SeccompMode
        /// By the container; else it is the host's standard.
        package var isAskedFor: Bool
        package var rules: SeccompRules
        /// The directory of the socket on which the runtime delivers listeners.
        package var socketDirectory: String
        /// containerd's.
        package var namespace: String

        package init(
            mode: SeccompMode, isAskedFor: Bool, rules: SeccompRules, socketDirectory: String, namespace: String
        ) {
            self.mode = mode
            self.isAskedFor = isAskedFor
            self.rules = rules
            self.socketDirectory = socketDirectory
            self.namespace = namespace
        }
    }

    package enum Event {
        /// A call that was not seen before.
        case denied(SeccompReport.Call)
        /// The container is to be ended (``SeccompMode/stop``).
        case stop(SeccompReport.Call)
        case complaint(String)
    }

    /// A filter's descriptor. Each process that the runtime has made has a filter of its own.
    @Loop
    private final class Listener {
        let descriptor: FileDescriptor
        var watch: Reactor.Watch?

        init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
    }

    /// A connection of the runtime's. It sends a descriptor, and who it is of (the OCI runtime specification's container
    /// process state), which we know.
    @Loop
    private final class Delivery {
        let socket: FileDescriptor
        var watch: Reactor.Watch?
        var isDelivered = false

        init(_ socket: consuming FileDescriptor) { self.socket = socket }
    }

    /// How many lines the log gets at once, and then one a second.
    private static let burst = 20
    private static let longestProgram = 256
    private static let mostRefusals = 16
    private static let notImplemented: Int32 = 38  // ENOSYS
    /// The kernel's name for a listener's descriptor.
    private static let kind = "anon_inode:seccomp notify"

    private let id: String
    private let plan: Plan
    private let profile: SeccompProfile
    private let filter: SeccompFilter
    private let path: String
    private let tell: @Loop (Event) -> Void
    private let socket: FileDescriptor
    private var socketWatch: Reactor.Watch?
    private var pause: Reactor.Timer?
    private var deliveries: [Int: Delivery] = [:]
    private var listeners: [Int: Listener] = [:]
    private var last = 0
    /// Children that kill and trap now.
    private var refusals = 0
    private var names: [UInt64: (name: String, architecture: Architecture)] = [:]
    private var report = SeccompReport()
    private var linesLeft = burst
    private var linesSince: Int64 = 0
    private var reportTimer: Reactor.Timer?
    private var stopTimer: Reactor.Timer?
    private var hasWritten = false
    /// It has been said that nothing can be written.
    private var cannotWrite = false
    /// A listener has come, at some time.
    private var hasListened = false
    private let listening = Gate()

    /// Where the socket for the container of `bundle` is.
    package static func socketPath(in directory: String, bundle: String) -> String {
        "\(directory)/\(Digest.sha256("\(bundle)/seccomp"))"
    }

    /// Listens for the container `id`. `profile` is its own, before ``SeccompProfile/rewrite(_:for:listener:)``.
    package init(
        _ id: String, bundle: String, profile: SeccompProfile, plan: Plan, tell: @escaping @Loop (Event) -> Void
    ) throws(Failure) {
        guard Notification.isSupported else {
            throw Failure(.unimplemented, "seccomp \(plan.mode.rawValue): this kernel has no listeners (Linux 5.0)")
        }
        self.id = id
        self.plan = plan
        self.profile = profile
        filter = try SeccompFilter(profile)
        self.tell = tell
        path = Self.socketPath(in: plan.socketDirectory, bundle: bundle)
        Files.remove(path)  // a shim's that has died
        socket = try UnixSocket.listen(at: path)
        try Files.changeMode(path, to: 0o600)
        try listen()
    }

    /// Suspends until a listener has come, at most for `limit`; false if none has.
    package func hasListener(within limit: Duration) async -> Bool {
        if hasListened { return true }
        return await listening.opens(within: limit)
    }

    /// Init has ended: writes what is known now, and says it in a line.
    package func conclude() -> String {
        write()
        return "\(report.summary); \(reportPath)"
    }

    /// The end. Calls that wait still are denied by the kernel.
    package func close() {
        if let reportTimer {
            Reactor.shared.cancel(reportTimer)
            write()
        }
        if let stopTimer { Reactor.shared.cancel(stopTimer) }
        stopListening()
        for number in deliveries.keys { end(delivery: number) }
        for number in listeners.keys { end(listener: number) }
        Files.remove(path)
    }

    // the runtime ----------------------------------------------------------------------------------------------

    private func listen() throws(Failure) {
        socketWatch = try Reactor.shared.watch(socket, for: .readable) { [self] _ in accept() }
    }

    private func stopListening() {
        if let socketWatch { Reactor.shared.cancel(socketWatch) }
        socketWatch = nil
        if let pause { Reactor.shared.cancel(pause) }
        pause = nil
    }

    /// Out of descriptors or memory: somebody must close something first.
    private func waitToAccept(_ failure: Failure) {
        tell(.complaint("seccomp: \(failure.message)"))
        stopListening()
        pause = Reactor.shared.after(.seconds(1)) { [self] in
            do throws(Failure) { try listen() } catch { waitToAccept(error) }
        }
    }

    private func accept() {
        do throws(Failure) {
            guard let socket = try UnixSocket.accept(from: socket) else { return }
            guard UnixSocket.peerIsUs(socket) else { return }
            last += 1
            let (number, delivery) = (last, Delivery(socket))
            delivery.watch = try Reactor.shared.watch(delivery.socket, for: .readable) { [self] _ in receive(number) }
            deliveries[number] = delivery
        } catch {
            waitToAccept(error)
        }
    }

    private func receive(_ number: Int) {
        guard let delivery = deliveries[number] else { return }
        do throws(Failure) {
            guard delivery.isDelivered else {
                guard let descriptor = try UnixSocket.receiveDescriptor(delivery.socket) else { return }
                delivery.isDelivered = true
                return try listen(to: descriptor)
            }
            // The rest of what it says, for a runtime must not find us gone before it has said it.
            if try delivery.socket.skip() { end(delivery: number) }
        } catch {
            tell(.complaint("seccomp: \(error.message)"))
            end(delivery: number)
        }
    }

    private func listen(to descriptor: consuming FileDescriptor) throws(Failure) {
        guard try Paths.link("/proc/self/fd/\(descriptor.raw)") == Self.kind else {
            throw Failure(.invalidArgument, "the runtime sent something that is no listener")
        }
        last += 1
        let (number, listener) = (last, Listener(descriptor))
        listener.watch = try Reactor.shared.watch(listener.descriptor, for: .readable) { [self] readiness in
            if readiness.contains(.readable) { serve(number, listener.descriptor) } else { end(listener: number) }
        }
        listeners[number] = listener
        if refusals >= Self.mostRefusals { serveListeners() }
        hasListened = true
        listening.open()
    }

    private func end(delivery number: Int) {
        guard let watch = deliveries.removeValue(forKey: number)?.watch else { return }
        Reactor.shared.cancel(watch)
    }

    private func end(listener number: Int) {
        guard let watch = listeners.removeValue(forKey: number)?.watch else { return }
        Reactor.shared.cancel(watch)
    }

    // the calls ------------------------------------------------------------------------------------------------

    /// One call at a time, so that others of the loop have their turns.
    private func serve(_ number: Int, _ listener: borrowing FileDescriptor) {
        guard let notification = Notification(from: listener) else { return }
        var program = program(of: notification.thread)
        // What we have read was its own only if it waits still. If not, the call was made all the same.
        if !notification.waits(on: listener) { program = "" }
        let (called, architecture) = call(notification)
        let arguments = notification.arguments
        let action = filter.action(
            of: called, audit: notification.audit, number: notification.number, arguments)
        let name = Multiplexer.call(called, arguments[0]) ?? called
        let mayAllow = action.isGrant && plan.mode == .record
        let outcome = mayAllow ? .allowed : outcome(of: action)
        let call = SeccompReport.Call(name, architecture: architecture?.name ?? "", program: program, outcome: outcome)
        note(call)
        switch outcome {
        case .allowed: if !notification.allow(on: listener) { notification.deny(Self.notImplemented, on: listener) }
        case .errno(let code): notification.deny(code, on: listener)
        case .killedProcess, .killedThread, .trapped:
            guard let manner = Refusal.Manner(action) else { return }
            begin(Refusal(manner, of: notification, listener: listener), listener: number)
        }
    }

    /// Not more at a time than some: the other calls wait in the kernel.
    private func begin(_ refusal: Refusal, listener number: Int) {
        guard let child = refusal.begin() else { return }
        refusals += 1
        if refusals == Self.mostRefusals { serveListeners() }
        child.whenExited { [self] _ in
            if listeners[number] != nil { refusal.finish() }
            refusals -= 1
            if refusals == Self.mostRefusals - 1 { serveListeners() }
        }
    }

    private func serveListeners() {
        let interest: Reactor.Readiness = refusals < Self.mostRefusals ? .readable : []
        for watch in listeners.values.compactMap({ $0.watch }) { Reactor.shared.change(watch, to: interest) }
    }

    /// As a container sees it; for people, and for no decision.
    private func program(of thread: UInt32) -> String {
        do throws(Failure) {
            return String(try Paths.link("/proc/\(thread)/exe").prefix(Self.longestProgram))
        } catch {
            return ""  // it has ended
        }
    }

    private func call(_ notification: borrowing Notification) -> (name: String, architecture: Architecture?) {
        let key = UInt64(notification.audit) << 32 | UInt64(UInt32(bitPattern: notification.number))
        if let known = names[key] { return known }
        let (audit, number) = (notification.audit, notification.number)
        let architecture = profile.architectures.first { $0.has(audit: audit, number: number) }
        guard let architecture, let name = architecture.call(number) else {
            return ("syscall_\(UInt32(bitPattern: number))", architecture)
        }
        names[key] = (name, architecture)
        return (name, architecture)
    }

    /// What a denial is. One that the profile does not have, for libseccomp and we differ, is one all the same.
    private func outcome(of action: SeccompProfile.Action) -> SeccompReport.Outcome {
        switch action {
        case .errno(let code): return .errno(code)
        case .killProcess: return .killedProcess
        case .killThread: return .killedThread
        case .trap: return .trapped
        case .allow, .log, .other:
            if case .errno(let code) = profile.defaultAction { return .errno(code) }
            return .errno(Self.notImplemented)
        }
    }

    // what is told ---------------------------------------------------------------------------------------------

    private func note(_ call: SeccompReport.Call) {
        let now = Timestamp.now()
        let isNew = report.add(call, at: now)
        if reportTimer == nil {
            reportTimer = Reactor.shared.after(hasWritten ? .seconds(5) : .seconds(1)) { [self] in write() }
        }
        guard call.outcome != .allowed else { return }
        if isNew, mayTell() { tell(.denied(call)) }
        guard plan.mode == .stop, stopTimer == nil else { return }
        stopTimer = Reactor.shared.after(plan.rules.grace) { [self] in
            report.ended(for: call, at: Timestamp.now())
            tell(.stop(call))
        }
    }

    /// A program may have any number of names.
    private func mayTell() -> Bool {
        let now = Monotonic.now()
        let earned = Int(clamping: (now - linesSince) / 1_000_000_000)
        if earned > 0 {
            linesLeft = min(Self.burst, linesLeft + earned)
            linesSince = now
        }
        guard linesLeft > 0 else { return false }
        linesLeft -= 1
        return true
    }

    private var directory: String { "\(plan.rules.directory)/\(plan.namespace)" }
    private var reportPath: String { "\(directory)/\(id).json" }

    private func write() {
        if let reportTimer { Reactor.shared.cancel(reportTimer) }
        reportTimer = nil
        do throws(Failure) {
            try Files.makeDirectories(directory, mode: 0o700)
            try Files.writeAtomically(
                report.json(id: id, namespace: plan.namespace, mode: plan.mode), to: reportPath)
            if plan.mode == .record {
                try Files.writeAtomically(
                    profile.minimal(recorded: report.allowedNames), to: "\(directory)/\(id)+profile.json")
            }
            if !hasWritten { Files.removeOldest(in: directory, suffix: ".json", keeping: plan.rules.reports) }
            hasWritten = true
            cannotWrite = false
        } catch {
            if !cannotWrite { tell(.complaint("seccomp report: \(error.message)")) }
            cannotWrite = true
        }
    }
}
