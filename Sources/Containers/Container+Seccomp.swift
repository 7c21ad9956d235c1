import JSON
import Linux
import OCIRuntime
import Reactor
import Seccomp
import _Concurrency

/// Listening to what the profile denies (``SeccompAgent``), where that is asked for.
extension Container {
    /// How long a runtime may take to hand over the listener of what it has started.
    private static let deliveryLimit = Duration.seconds(5)

    private var configurationFile: String { "\(bundle)/config.json" }

    /// Makes the bundle's profile ask us. Returns the config.json that was there, for a Create that fails; nil: it is there.
    func openSeccomp() throws(Failure) -> [UInt8]? {
        guard let plan = request.settings.seccomp else { return nil }
        guard request.checkpoint.isEmpty else {
            guard plan.isAskedFor else { return nil }
            throw Failure(.unimplemented, "seccomp \(plan.mode.rawValue): of a container that is restored")
        }
        let text = try Files.read(configurationFile, limit: 64 << 20)
        let configuration = try JSONValue(parsing: text, subject: configurationFile)
        guard let profile = try profile(in: configuration, for: plan) else { return nil }
        for call in profile.partlyUntold { publish(.seccomp(id: id, "not all denials are told: call=\(call)")) }
        let path = SeccompAgent.socketPath(in: plan.socketDirectory, bundle: bundle)
        guard let asking = try profile.rewrite(configuration, for: plan.mode, listener: path) else {
            tellNothing(of: plan, "the profile denies nothing that can be told")
            return nil
        }
        seccomp = try SeccompAgent(id, bundle: bundle, profile: profile, plan: plan) { self.hear($0) }
        try Files.writeAtomically(asking, to: configurationFile)
        return text
    }

    private func profile(in configuration: JSONValue, for plan: SeccompAgent.Plan) throws(Failure) -> SeccompProfile? {
        guard let seccomp = configuration["linux"]?["seccomp"] else {
            if plan.mode == .record { return try SeccompProfile.unconfined() }
            tellNothing(of: plan, "the container has no profile")
            return nil
        }
        let profile = try SeccompProfile(seccomp)
        guard profile.hasListener else { return profile }
        publish(.seccomp(id: id, "no \(plan.mode.rawValue): the profile has a listener of its own"))
        return nil
    }

    private func tellNothing(of plan: SeccompAgent.Plan, _ reason: String) {
        if plan.isAskedFor { publish(.seccomp(id: id, "nothing to \(plan.mode.rawValue): \(reason)")) }
    }

    /// After a Create that failed.
    func abandonSeccomp(restoring text: [UInt8]?) {
        closeSeccomp()
        guard let text else { return }
        do throws(Failure) {
            try Files.writeAtomically(text, to: configurationFile)
        } catch {}  // then the bundle is gone too
    }

    /// The end of listening.
    func closeSeccomp() {
        seccomp?.close()
        seccomp = nil
    }

    /// A container of which nobody has given us the listener runs with calls denied that nobody hears of, or, with a runtime
    /// that takes no profile, with none denied; also one that has ended meanwhile. crun hands it over no earlier than here.
    func confirmSeccomp() async throws(Failure) {
        guard let seccomp, await !seccomp.hasListener(within: Self.deliveryLimit) else { return }
        if !initial.state.hasEnded { await killForSeccomp() }
        throw Failure(.unimplemented, "seccomp: the runtime \(runtime.binary) has handed over no listener")
    }

    private func hear(_ event: SeccompAgent.Event) {
        switch event {
        case .denied(let call): publish(.seccomp(id: id, "denied: \(call.text)"))
        case .complaint(let text): publish(.seccomp(id: id, text))
        case .stop(let call):
            guard !initial.state.hasEnded else { return }
            publish(.seccomp(id: id, "stopped for a denied call: \(call.text)"))
            Loop.start { await self.killForSeccomp() }
        }
    }

    /// Kills all of the container; init alone, and without the runtime, if the runtime does not.
    private func killForSeccomp() async {
        for all in [true, false] {
            do throws(Failure) {
                return try await kill(exec: "", signal: 9, all: all)
            } catch {
                guard !initial.state.hasEnded else { return }
                publish(.seccomp(id: id, "kill: \(error.message)"))
            }
        }
    }
}
