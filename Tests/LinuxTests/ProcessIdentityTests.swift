import Testing

@testable import Linux

struct ProcessIdentityTests {
    private let fields = "1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 567890 1 2"

    @Test func `a name may have anything in it`() throws {
        let stat = try #require(ProcessIdentity.parse(Array("12 (a) Z (b) ) S \(fields)\n".utf8)))
        #expect(stat.state == UInt8(ascii: "S"))
        #expect(stat.start == 567_890)
    }

    @Test(arguments: ["", "12", "12 (a)", "12 (a) S 1 2 3", "12 (a) S 1 1 1 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 x 1"])
    func `what is no stat file says nothing`(_ text: String) {
        #expect(ProcessIdentity.parse(Array(text.utf8)) == nil)
    }

    @Test func `we are we, and nobody is not`() throws {
        let ours = try #require(ProcessIdentity(of: Process.id))
        #expect(ours.isAlive)
        #expect(ours.start > 0)
        #expect(ProcessIdentity(of: 0) == nil)
        #expect(!ProcessIdentity.boot.isEmpty)
    }
}
