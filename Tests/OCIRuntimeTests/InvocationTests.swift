import Linux
import Reactor
import Testing

@testable import OCIRuntime

@Loop
struct InvocationTests {
    private func output(_ outcome: Invocation.Outcome) -> String? {
        if case .succeeded(let output) = outcome { String(decoding: output, as: UTF8.self) } else { nil }
    }

    private func failure(_ outcome: Invocation.Outcome) -> String? {
        if case .failed(let text) = outcome { text } else { nil }
    }

    @Test func `what a command prints is its output, both streams of it`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("echo one; echo two >&2; cat")
        #expect(output(await (try runtime.invoke([], log: nil)).outcome()) == "one\ntwo\n")
    }

    @Test(arguments: ["features", "--version", "ps"])
    func `what is to be parsed has nothing of stderr in it`(command: String) async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("echo a warning >&2; printf '%s ' \"$@\"; cat")
        #expect(output(await (try runtime.invoke([command], log: nil)).outcome()) == "\(command) ")
    }

    @Test func `a command has the global options, and none without a log`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime(#"printf '%s\n' "$@""#)
        #expect(
            output(await (try runtime.invoke(["start", "c 1"], log: "/l")).outcome())
                == "--root\n/r/ns\n--log\n/l\n--log-format\njson\nstart\nc 1\n")
        #expect(output(await (try runtime.invoke(["features"], log: nil)).outcome()) == "features\n")
    }

    @Test func `a command runs in the root directory and leads a group`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("pwd; [ $(cut -d' ' -f5 /proc/$$/stat) = $$ ] && echo leads")
        #expect(output(await (try runtime.invoke([], log: nil)).outcome()) == "/\nleads\n")
    }

    @Test func `a command reads its input to the end, however long`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("[ $(wc -c) = 300000 ] && echo all")
        let input = [UInt8](repeating: 65, count: 300_000)
        #expect(output(await (try runtime.invoke([], log: nil, input: input)).outcome()) == "all\n")
        let other = try scratch.runtime("cat /dev/stdin")
        #expect(output(await (try other.invoke([], log: nil, input: Array("x y".utf8))).outcome()) == "x y")
        #expect(output(await (try other.invoke([], log: nil, input: [])).outcome()) == "")
    }

    @Test func `a status is told in Go's words, with what was printed`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("echo out; echo err >&2; exit 3")
        let failed = failure(await (try runtime.invoke(["kill"], log: "/l")).outcome())
        #expect(failed == "\(runtime.binary) did not terminate successfully: exit status 3: out\nerr\n")
    }

    @Test func `a signal is a status`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("kill -9 $$")
        let failed = failure(await (try runtime.invoke([], log: nil)).outcome())
        #expect(failed == "\(runtime.binary) did not terminate successfully: exit status 137: ")
    }

    @Test func `with descriptors of its own nothing is kept`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("read x; echo \"got $x\"; echo err >&2; exit 1")
        var input = try Pipe()
        var printed = try Pipe()
        guard let reading = input.reading.take(), let writing = input.writing.take(),
            let out = printed.writing.take(), let result = printed.reading.take()
        else { return }
        #expect(try writing.write(Array("x y\n".utf8)[...]) == 4)
        let invocation = try runtime.invoke([], log: nil, descriptors: [reading.raw, out.raw, out.raw])
        let failed = failure(await invocation.outcome())
        #expect(failed == "\(runtime.binary) did not terminate successfully: exit status 1: ")
        #expect(String(decoding: result.readNow(atMost: 100), as: UTF8.self) == "got x y\nerr\n")
    }

    @Test func `a command that does not end is killed, and its children with it`() async throws {
        let scratch = try Scratch()
        let pidFile = scratch.file("pid")
        // As a wrapper script does: what hangs is its child, and holds the output open.
        let runtime = try scratch.runtime("sleep 1000 & echo $! >\(pidFile).new; mv \(pidFile).new \(pidFile); wait")
        let invocation = try runtime.invoke([], log: nil)
        while !Files.exists(pidFile) { await Reactor.shared.sleep(.milliseconds(1)) }
        let child = try Files.text(pidFile).trimmed
        while try Files.text("/proc/\(child)/comm") != "sleep\n" { await Reactor.shared.sleep(.milliseconds(1)) }
        guard case .timedOut(let text) = await invocation.outcome(within: .milliseconds(1)) else {
            Issue.record("it ended")
            return
        }
        #expect(text == "\(runtime.binary) did not finish within 0 s and was killed")
        try await ended(child)
    }

    /// Until nothing but a zombie is left of a process that was killed.
    private func ended(_ pid: String) async throws {
        for _ in 0..<10_000 {
            guard Files.exists("/proc/\(pid)/stat"), let stat = try? Files.text("/proc/\(pid)/stat") else { return }
            if stat.mentions(") Z ") || stat.mentions(") X ") { return }
            await Reactor.shared.sleep(.milliseconds(1))
        }
        Issue.record("process \(pid) lives")
    }

    @Test func `a child that keeps the output open does not keep the outcome back`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("sleep 1000 & echo $!")
        let said = try #require(output(await (try runtime.invoke([], log: nil)).outcome()))
        try ForeignProcess(try #require(Int32(said.trimmed))).kill()
    }

    @Test func `more output than a pipe holds is taken, a megabyte of it is kept`() async throws {
        let scratch = try Scratch()
        let runtime = try scratch.runtime("head -c $1 /dev/zero")
        for (count, kept) in [(300_000, 300_000), (1 << 20, 1 << 20), (3 << 20, 1 << 20)] {
            let said = output(await (try runtime.invoke(["\(count)"], log: nil)).outcome())
            #expect(said?.utf8.count == kept)
        }
    }

    @Test func `two commands run side by side`() async throws {
        let scratch = try Scratch()
        let fifo = scratch.file("fifo")
        // Each opens the fifo, and waits there for the other.
        let runtime = try scratch.runtime("if [ $1 = 1 ]; then echo met >\(fifo); else cat \(fifo); fi")
        let maker = Runtime(binary: "/usr/bin/mkfifo", root: "/r", systemdCgroup: false)
        #expect(output(await (try maker.invoke([fifo], log: nil)).outcome()) == "")
        let (reading, writing) = (try runtime.invoke(["2"], log: nil), try runtime.invoke(["1"], log: nil))
        #expect(output(await reading.outcome(within: .seconds(10))) == "met\n")
        #expect(output(await writing.outcome(within: .seconds(10))) == "")
    }
}
