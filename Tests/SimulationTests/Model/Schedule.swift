import Reactor

/// One schedule: a shim, its clients and containerd, for as long as it takes until all is over. The same seed gives
/// the same one.
@Loop
struct Schedule {
    /// What was broken; nil if nothing was.
    let violation: String?
    let trace: [String]
    /// What happened in it, for whoever wants to know that enough did.
    let steps: Int
    let events: Int

    /// How long a schedule may be. The longest of a million has a fraction of it.
    private static let mostSteps = 20_000

    init(seed: UInt64, isTracing: Bool = false) {
        let scheduler = Scheduler(seed: seed, isTracing: isTracing)
        var schedule = Run(scheduler)
        schedule.live()
        if scheduler.violation == nil { schedule.comeToRest() }
        if scheduler.violation == nil { schedule.checkEnd() }
        schedule.end()
        violation = scheduler.violation
        trace = scheduler.trace
        steps = schedule.steps
        events = schedule.shim.publisher.published
    }

    @Loop
    private struct Run {
        let scheduler: Scheduler
        let shim: FakeShim
        var steps = 0
        private let containers: Int

        init(_ scheduler: Scheduler) {
            self.scheduler = scheduler
            shim = FakeShim(scheduler)
            containers = 1 + scheduler.random.number(below: 2)
            for number in 1...2 { shim.clients.append(Client(number, scheduler, shim)) }
        }

        /// Clients ask for this and that, and containerd comes and goes.
        mutating func live() {
            var calls = 4 + scheduler.random.number(below: 60)
            while calls > 0, scheduler.violation == nil {
                if scheduler.random.isOne(in: 5) || !step() {
                    calls -= 1
                    ask()
                }
                if scheduler.random.isOne(in: 40) { change() }
            }
        }

        private func ask() {
            let open = shim.clients.filter { !$0.hasHungUp }
            guard !open.isEmpty, !scheduler.random.isOne(in: 60) else {
                open.last?.hangUp()
                shim.clients.append(Client(shim.clients.count + 1, scheduler, shim))
                return
            }
            let client = open[scheduler.random.number(below: open.count)]
            let id = "c\(1 + scheduler.random.number(below: containers))"
            guard shim.all.contains(where: { $0.id == id }) else {
                // Twice it is made now and then.
                guard !shim.isMaking(id) || scheduler.random.isOne(in: 4) else { return }
                return client.ask(Call(scheduler.random.isOne(in: 8) ? .wait : .create, id))
            }
            let isExec = !scheduler.random.isOne(in: 3)
            let exec = isExec ? "e\(1 + scheduler.random.number(below: 3))" : ""
            let verbs: [Call.Verb] =
                isExec
                ? [.exec, .exec, .exec, .start, .start, .start, .start, .wait, .wait, .state, .kill, .delete]
                : [.start, .start, .start, .start, .wait, .wait, .state, .kill, .delete, .pause, .resume, .resume]
            client.ask(Call(verbs[scheduler.random.number(below: verbs.count)], id, exec))
        }

        private func change() {
            let peers: [Publisher.Peer] = [.present, .present, .refusing, .mute, .away]
            shim.publisher.become(peers[scheduler.random.number(below: peers.count)])
        }

        private mutating func step() -> Bool {
            steps += 1
            scheduler.check(steps < Schedule.mostSteps, "it comes to no rest")
            return scheduler.violation == nil && scheduler.step()
        }

        /// Nothing fails any more, and everything is ended.
        mutating func comeToRest() {
            shim.runtime.isReliable = true
            shim.publisher.become(.present)
            for _ in 0..<20 {
                while step() {}
                guard scheduler.violation == nil, !shim.isEmpty else { return }
                let client = Client(shim.clients.count + 1, scheduler, shim)
                shim.clients.append(client)
                for task in shim.all {
                    task.release()
                    client.ask(Call(.delete, task.id))
                }
            }
        }

        func checkEnd() {
            scheduler.check(shim.isEmpty, "containers are left: \(shim.all.map { $0.id })")
            scheduler.check(!shim.hasWaits, "somebody waits still")
            shim.publisher.checkEnd()
            for client in shim.clients {
                scheduler.check(
                    client.waiting.isEmpty, "client \(client.number) has no answer: \(client.waiting.keys.sorted())")
                scheduler.check(client.isClosed == client.hasHungUp, "connection \(client.number) is not closed")
            }
        }

        func end() {
            for task in shim.all { task.forget() }
            scheduler.end()
            shim.clients = []
        }
    }
}
