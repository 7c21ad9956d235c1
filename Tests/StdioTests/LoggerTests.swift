import Linux
import Reactor
import Testing
import _Concurrency

@testable import Stdio

@Loop
struct LoggerTests {
    private func logger(_ scratch: Scratch, _ script: String, mustSpeak: Bool = false) throws -> Logger {
        let command = Logger.Command(
            path: "/bin/sh", arguments: ["-c", "PATH=/usr/bin:/bin; \(script)"], mustSpeak: mustSpeak)
        return try Logger(command, for: Stdio.Owner(id: "e1", namespace: "ns") { _ in })
    }

    /// Writes to the logger as its process would, and closes both streams.
    private func say(_ text: String, to logger: Logger) throws {
        let output = logger.takeOutput()
        _ = try output?.write(Array(text.utf8)[...])
        _ = logger.takeError()
    }

    @Test func `a logger reads to the end, and ends`() async throws {
        let scratch = try Scratch()
        let file = try scratch.file("out", "")
        let logger = try logger(
            scratch, "echo $CONTAINER_ID $CONTAINER_NAMESPACE >\(file); exec 5>&-; cat <&3 >>\(file)")
        try await logger.waitUntilReady()
        try say("hello\n", to: logger)
        #expect(await logger.hasEnded(within: .seconds(10)))
        #expect(try Files.text(file) == "e1 ns\nhello\n")
        await logger.end()
    }

    @Test func `one that must speak is not ready because it closed its end`() async throws {
        let scratch = try Scratch()
        let silent = try logger(scratch, "exec 5>&-; sleep 100", mustSpeak: true)
        await #expect(throws: Failure.self) { try await silent.waitUntilReady() }
        await silent.end()
        let speaking = try logger(scratch, "echo >&5; sleep 100", mustSpeak: true)
        try await speaking.waitUntilReady()
        await speaking.end()
    }

    @Test func `one that is stopped is not waited for`() async throws {
        let scratch = try Scratch()
        let logger = try logger(scratch, "sleep 100")
        _ = Reactor.shared.after(.milliseconds(20)) { logger.stop() }
        await #expect(throws: Failure(.failedPrecondition, "logging binary /bin/sh was stopped")) {
            try await logger.waitUntilReady()
        }
        await logger.end()
    }

    @Test func `one that leaves another to say that it is ready is not started again meanwhile`() async throws {
        let scratch = try Scratch()
        let file = try scratch.file("starts", "")
        let logger = try logger(
            scratch, "echo x >>\(file); { sleep 0.4; echo >&5; cat <&3 >/dev/null; } &", mustSpeak: true)
        try await logger.waitUntilReady()
        #expect(try Files.text(file) == "x\n")
        try say("", to: logger)
        await logger.end()
    }

    @Test func `one that dies is started again, and nothing that it did not read is lost`() async throws {
        let scratch = try Scratch()
        let file = try scratch.file("out", "")
        let logger = try logger(
            scratch, "echo >&5; [ -s \(file) ] || { echo died >>\(file); exit 1; }; cat <&3 >>\(file)")
        try await logger.waitUntilReady()
        try say("kept\n", to: logger)
        #expect(await logger.hasEnded(within: .seconds(10)))
        #expect(try Files.text(file) == "died\nkept\n")
        await logger.end()
    }

    @Test func `one that is told to end has the time that the delete has left`() async throws {
        let scratch = try Scratch()
        let file = try scratch.file("out", "")
        let logger = try logger(scratch, "trap 'sleep 3; echo sent >\(file); exit' TERM; exec 5>&-; sleep 100 & wait")
        try await logger.waitUntilReady()
        try say("", to: logger)
        #expect(await logger.hasEnded(within: .seconds(8)) == false)
        await logger.end()
        #expect(try Files.text(file) == "sent\n")
    }

    @Test func `one whose pipes are held by somebody who says nothing is not waited for`() async throws {
        let scratch = try Scratch()
        let logger = try logger(scratch, "exec 5>&-; cat <&3 >/dev/null")
        try await logger.waitUntilReady()
        guard let output = logger.takeOutput() else { return }
        let held = try Peer(owning: output)
        _ = logger.takeError()
        try await held.write("x")
        let began = Monotonic.now()
        #expect(await logger.hasEnded(within: .seconds(8)) == false)
        #expect(Monotonic.now() - began < 6_000_000_000)
        held.close()
        await logger.end()
    }

    @Test func `one that stays although there is nothing left is not waited for`() async throws {
        let scratch = try Scratch()
        let logger = try logger(scratch, "exec 5>&-; cat <&3 >/dev/null; sleep 100")
        try await logger.waitUntilReady()
        try say("x", to: logger)
        #expect(await logger.hasEnded(within: .seconds(60)) == false)
        await logger.end()
        #expect(await logger.hasEnded(within: .seconds(10)))
    }
}
