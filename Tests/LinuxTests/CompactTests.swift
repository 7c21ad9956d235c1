import Linux
import Testing

struct CompactTests {
    @Test func `what is compacted keeps its contents and gives up room`() {
        var table = Dictionary(uniqueKeysWithValues: (0..<1000).map { ($0, -$0) })
        for key in 3..<1000 { table[key] = nil }
        table.compact()
        #expect(table == [0: 0, 1: -1, 2: -2])
        #expect(table.capacity < 10)

        var set = Set(0..<1000)
        set.subtract(3..<1000)
        set.compact()
        #expect(set == [0, 1, 2])
        #expect(set.capacity < 10)

        var list = Array(0..<1000)
        list.removeLast(997)
        list.compact()
        #expect(list == [0, 1, 2])
        #expect(list.capacity < 10)
    }

    @Test func `what is empty gives up all`() {
        var table: [Int: Int] = [:]
        table.reserveCapacity(100)
        table.compact()
        #expect(table.capacity == 0)
        var list: [Int] = []
        list.reserveCapacity(100)
        list.compact()
        #expect(list.capacity == 0)
    }
}
