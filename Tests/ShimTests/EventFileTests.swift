import Linux
import Reactor
import Testing

@testable import Shim

@Loop
struct EventFileTests {
    private func item(_ number: Int, size: Int) -> EventDelivery.Item {
        EventDelivery.Item(
            topic: "/tasks/\(number)", request: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size),
            isEssential: number % 2 == 0)
    }

    /// All that is in the file.
    private func rest(_ file: EventFile) -> [EventDelivery.Item] {
        var all: [EventDelivery.Item] = []
        while true {
            let some = file.takeOldest()
            guard !some.isEmpty else { return all }
            all += some
        }
    }

    @Test(arguments: [0, 1, 200, 9000, 16 << 10, 100_000])
    func `what went in comes out in its order, whatever its size`(size: Int) throws {
        let file = EventFile(in: ["/tmp"])
        let items = (0..<50).map { item($0, size: size) }
        for item in items { try file.append(item) }
        #expect(rest(file) == items)
        #expect(file.takeOldest() == [])
    }

    @Test func `events of different sizes, added between readings`() throws {
        let file = EventFile(in: ["/tmp"])
        var (added, taken): ([EventDelivery.Item], [EventDelivery.Item]) = ([], [])
        for number in 0..<400 {
            added.append(item(number, size: number * 37 % 3000))
            try file.append(added[number])
            if number % 40 == 39 { taken += file.takeOldest() }
        }
        #expect(taken + rest(file) == added)
    }

    @Test func `the first directory that can be written to is taken, and none is a failure`() throws {
        let file = EventFile(in: ["/no/such/directory", "/tmp"])
        try file.append(item(1, size: 10))
        #expect(rest(file) == [item(1, size: 10)])
        #expect(throws: Failure.self) { try EventFile(in: ["/no/such/directory"]).append(item(1, size: 10)) }
    }

    @Test func `a full one keeps what it has, and has room once that is out`() throws {
        let file = EventFile(in: ["/tmp"])
        let large = item(1, size: 4 << 20)
        var count = 0
        while (try? file.append(large)) != nil { count += 1 }
        #expect(count == 15)
        #expect(rest(file).count == 15)
        try file.append(large)
    }
}
