import Testing

@testable import Stdio

struct RelayStateTests {
    private func moving(_ role: RelayState.Role) -> RelayState {
        var machine = RelayState(role)
        #expect(machine.on(.started) == .move)
        return machine
    }

    @Test func `nothing is moved before the start, whatever is ready`() {
        var machine = RelayState(.output)
        #expect(machine.on(.sourceReady) == .nothing)
        #expect(machine.on(.destinationReady) == .nothing)
        #expect(machine.state == .held)
        #expect(machine.on(.started) == .move)
        #expect(machine.on(.started) == .nothing)
    }

    @Test func `an empty source is waited for`() {
        var machine = moving(.output)
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.destinationReady) == .nothing)
        #expect(machine.on(.sourceReady) == .move)
    }

    @Test func `a full destination is waited for, and the source meanwhile is not read`() {
        var machine = moving(.output)
        #expect(machine.on(.destinationFull) == .waitForDestination)
        #expect(machine.on(.sourceReady) == .nothing)
        #expect(machine.on(.timerFired) == .nothing)
        #expect(machine.on(.destinationReady) == .move)
    }

    private func dropping(_ role: RelayState.Role) -> RelayState {
        var machine = RelayState(role, drops: true)
        #expect(machine.on(.started) == .move)
        #expect(machine.on(.destinationFull) == .drop(retryAfter: nil))
        return machine
    }

    @Test func `one that drops reads on while its destination is full, and says so when it is not`() {
        var machine = dropping(.output)
        #expect(machine.on(.nothingToRead) == .waitWhileDropping(forDestination: true))
        #expect(machine.on(.sourceReady) == .drop(retryAfter: nil))
        #expect(machine.on(.turnUsed) == .takeNextTurn)
        #expect(machine.on(.sourceReady) == .drop(retryAfter: nil))
        #expect(machine.on(.timerFired) == .resume)
        machine = dropping(.output)
        #expect(machine.on(.destinationReady) == .resume)
        #expect(machine.on(.destinationFull) == .drop(retryAfter: nil))
        #expect(machine.on(.destinationReady) == .resume)
        #expect(machine.on(.nothingToRead) == .waitForSource)
    }

    @Test func `one that drops tries a destination that failed again later, and not before`() {
        var machine = RelayState(.output, drops: true)
        #expect(machine.on(.started) == .move)
        #expect(machine.on(.destinationFailed) == .drop(retryAfter: .milliseconds(100)))
        #expect(machine.on(.nothingToRead) == .waitWhileDropping(forDestination: false))
        #expect(machine.on(.destinationReady) == .nothing)
        #expect(machine.on(.timerFired) == .resume)
        #expect(machine.on(.destinationFailed) == .drop(retryAfter: .milliseconds(200)))
        #expect(machine.on(.timerFired) == .resume)
        #expect(machine.on(.nothingToRead) == .waitForSource)
    }

    @Test func `one that drops ends with its source, and with its destination`() {
        var machine = dropping(.output)
        #expect(machine.on(.sourceEnded) == .close)
        machine = dropping(.output)
        #expect(machine.on(.destinationGone) == .discard)
        machine = dropping(.terminalOutput)
        #expect(machine.on(.sourceEnded) == .waitWhileDropping(forDestination: true))
        #expect(machine.on(.processExited) == .drop(retryAfter: nil))
        #expect(machine.on(.nothingToRead) == .close)
    }

    @Test func `a used turn is followed by another`() {
        var machine = moving(.output)
        #expect(machine.on(.turnUsed) == .takeNextTurn)
        #expect(machine.on(.sourceReady) == .move)
    }

    @Test(arguments: [RelayState.Role.output, .input, .terminalInput, .lastTerminalOutput])
    func `it ends with its source`(role: RelayState.Role) {
        var machine = moving(role)
        #expect(machine.on(.sourceEnded) == .close)
        #expect(machine.state == .closed)
    }

    @Test func `a terminal that nobody has open goes on when it is opened again`() {
        var machine = moving(.terminalOutput)
        #expect(machine.on(.sourceEnded) == .waitForSource)
        #expect(machine.on(.sourceReady) == .move)
    }

    @Test func `after the process's end a terminal is read until nothing is left`() {
        var machine = moving(.terminalOutput)
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.processExited) == .move)
        #expect(machine.on(.destinationFull) == .waitForDestination)
        #expect(machine.on(.destinationReady) == .move)
        #expect(machine.on(.nothingToRead) == .close)
    }

    @Test func `a terminal that waits for its reader when the process ends is read later`() {
        var machine = moving(.terminalOutput)
        #expect(machine.on(.destinationFull) == .waitForDestination)
        #expect(machine.on(.processExited) == .nothing)
        #expect(machine.on(.destinationReady) == .move)
        #expect(machine.on(.nothingToRead) == .close)
    }

    @Test func `a pipe outlives the process`() {
        var machine = moving(.output)
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.processExited) == .nothing)
        #expect(machine.on(.sourceReady) == .move)
        #expect(machine.on(.nothingToRead) == .waitForSource)
    }

    @Test(arguments: [RelayState.Role.input, .terminalInput], [RelayState.Event.nothingToRead, .destinationFull])
    func `input ends with the process`(role: RelayState.Role, before: RelayState.Event) {
        var machine = moving(role)
        _ = machine.on(before)
        #expect(machine.on(.processExited) == .close)
        var held = RelayState(role)
        #expect(held.on(.processExited) == .close)
    }

    @Test func `input ends when the process closes it`() {
        var machine = moving(.input)
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.destinationGone) == .close)
    }

    @Test func `output without a destination is read to its end all the same`() {
        var machine = moving(.output)
        #expect(machine.on(.destinationGone) == .discard)
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.sourceReady) == .discard)
        #expect(machine.on(.turnUsed) == .takeNextTurn)
        #expect(machine.on(.sourceReady) == .discard)
        #expect(machine.on(.sourceEnded) == .close)
    }

    @Test func `a terminal without a destination ends after the process`() {
        var machine = moving(.terminalOutput)
        #expect(machine.on(.destinationGone) == .discard)
        #expect(machine.on(.sourceEnded) == .waitForSource)
        #expect(machine.on(.processExited) == .discard)
        #expect(machine.on(.nothingToRead) == .close)
    }

    @Test func `a destination that refuses is tried again, ever more seldom, at least every ten seconds`() {
        var machine = moving(.output)
        for milliseconds in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000] {
            #expect(machine.on(.destinationFailed) == .retry(after: .milliseconds(milliseconds)))
            #expect(machine.on(.sourceReady) == .nothing)
            #expect(machine.on(.timerFired) == .move)
        }
        #expect(machine.on(.nothingToRead) == .waitForSource)
        #expect(machine.on(.sourceReady) == .move)
        #expect(machine.on(.destinationFailed) == .retry(after: .milliseconds(100)))
    }

    @Test(arguments: [RelayState.Event.nothingToRead, .destinationFull, .destinationFailed, .destinationGone])
    func `it can be stopped anywhere, once`(before: RelayState.Event) {
        var machine = moving(.output)
        _ = machine.on(before)
        #expect(machine.on(.stopped) == .close)
        let late: [RelayState.Event] = [
            .stopped, .started, .sourceReady, .destinationReady, .timerFired, .processExited,
        ]
        for event in late { #expect(machine.on(event) == .nothing) }
    }
}
