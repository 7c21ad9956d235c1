import Linux
import Reactor
import Testing

@testable import Stdio

@Loop
struct FifoTests {
    @Test func `a fifo without a peer opens at once, both ways`() throws {
        let scratch = try Scratch()
        _ = try Fifo.openOutput(scratch.fifo("out"))
        _ = try Fifo.openInput(scratch.fifo("in"))
    }

    @Test func `what is written stays for a reader who comes later`() async throws {
        let scratch = try Scratch()
        let path = try scratch.fifo("out")
        let output = try Fifo.openOutput(path)
        #expect(try output.write([1, 2, 3]) == 3)
        #expect(try await Peer.reader(path).read(3) == [1, 2, 3])
    }

    @Test func `a file is written at its end`() throws {
        let scratch = try Scratch()
        let path = try scratch.file("log", "before ")
        let output = try Fifo.openOutput(path)
        #expect(try output.write(Array("after".utf8)[...]) == 5)
        #expect(try Files.text(path) == "before after")
    }

    @Test func `what does not exist is not made`() throws {
        let scratch = try Scratch()
        let failure = #expect(throws: Failure.self) { _ = try Fifo.openOutput("\(scratch.path)/none") }
        #expect(failure?.errno == Errno.noEntry)
        #expect(!Files.exists("\(scratch.path)/none"))
    }

    @Test func `only a fifo has a writer kept for it`() throws {
        let scratch = try Scratch()
        let path = try scratch.fifo("in")
        let input = try Fifo.openInput(path)
        #expect(try Fifo.openKeptWriter(path) != nil)
        #expect(try Fifo.openKeptWriter("/dev/null") == nil)
        _ = input
    }
}
