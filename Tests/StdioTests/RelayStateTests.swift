import Testing

@testable import Stdio

struct RelayStateTests {
    private func moving(_ role: RelayState.Role, overflows: Bool = false) -> RelayState {
        var machine = RelayState(role, overflows: overflows)
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

    @Test func `one that overflows reads on while its destination is full, and comes back`() {
        var machine = overflowing(.output)
        #expect(machine.on(.nothingToRead) == .waitWhileOverflowing(forDestination: true))
        #expect(machine.on(.sourceReady) == .overflow(retryAfter: nil))
        #expect(machine.on(.turnUsed) == .takeNextTurnOrDestination)
        #expect(machine.on(.sourceReady) == .overflow(retryAfter: nil))
        #expect(machine.on(.destinationReady) == .move)
        #expect(machine.on(.destinationFull) == .overflow(retryAfter: nil))
    }

    @Test func `one that overflows reads on while its destination fails`() {
        var machine = moving(.output, overflows: true)
        for milliseconds in [100, 200, 400] {
            #expect(machine.on(.destinationFailed) == .overflow(retryAfter: .milliseconds(milliseconds)))
            #expect(machine.on(.nothingToRead) == .waitWhileOverflowing(forDestination: false))
            #expect(machine.on(.destinationReady) == .nothing)
            #expect(machine.on(.timerFired) == .move)
        }
        #expect(machine.on(.destinationFull) == .overflow(retryAfter: nil))
        #expect(machine.on(.destinationReady) == .move)
    }

    @Test func `when the source ends the overflow is moved before the end`() {
        var machine = overflowing(.output)
        #expect(machine.on(.sourceEnded) == .moveRest)
        #expect(machine.on(.destinationFull) == .waitForDestination)
        #expect(machine.waitsForDestination)
        #expect(machine.on(.processExited) == .nothing)
        #expect(machine.on(.destinationReady) == .moveRest)
        #expect(machine.on(.turnUsed) == .takeNextTurn)
        #expect(machine.on(.sourceReady) == .moveRest)
        #expect(machine.on(.destinationFailed) == .retry(after: .milliseconds(100)))
        #expect(machine.on(.destinationReady) == .nothing)
        #expect(machine.on(.timerFired) == .moveRest)
        #expect(machine.on(.nothingToRead) == .close)
    }

    @Test func `after failures the end waits for the next attempt`() {
        var machine = moving(.output, overflows: true)
        #expect(machine.on(.destinationFailed) == .overflow(retryAfter: .milliseconds(100)))
        #expect(machine.on(.sourceEnded) == .nothing)
        #expect(machine.on(.timerFired) == .moveRest)
        #expect(machine.on(.destinationFull) == .waitForDestination)
        #expect(machine.on(.destinationReady) == .moveRest)
        #expect(machine.on(.destinationGone) == .close)
    }

    @Test func `a terminal that overflows ends with its process, and not when nobody has it open`() {
        var machine = overflowing(.terminalOutput)
        #expect(machine.on(.sourceEnded) == .waitWhileOverflowing(forDestination: true))
        #expect(machine.on(.processExited) == .overflow(retryAfter: nil))
        #expect(machine.on(.nothingToRead) == .moveRest)
        #expect(machine.on(.nothingToRead) == .close)
    }

    private func overflowing(_ role: RelayState.Role) -> RelayState {
        var machine = moving(role, overflows: true)
        #expect(machine.on(.destinationFull) == .overflow(retryAfter: nil))
        return machine
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
