import Linux
import Testing

@testable import TOML

/// Lines, keys and tables, by the specification of TOML 1.0.
struct TOMLTableTests {
    @Test(arguments: [
        ("", ""), ("\n\n", ""), ("# only a comment", ""), (" \t# one\r\n\r\n# two\r\n", ""), ("a=1", "a=1"),
        ("  a\t= 1 # why\n", "a=1"), ("a = 1\r\nb = 2\r\n", "a=1 b=2"), ("\u{feff}a = 1", "a=1"),
        ("a = \"# not a comment\"", "a=\"# not a comment\""),
    ])
    func `lines, blanks and comments`(document: String, dumped: String) throws {
        #expect(try dump(document) == dumped)
    }

    @Test(arguments: [
        ("SystemdCgroup = true", "SystemdCgroup=true"), ("a-b_C1 = 1", "a-b_C1=1"), ("1234 = 1", "1234=1"),
        ("\"a b\" = 1", "a b=1"), ("'a\\b' = 1", "a\\b=1"), ("\"\" = 1", "=1"), ("'' = 1", "=1"),
        ("\"\\u00e9\" = 1", "é=1"), ("a.b.c = 1", "a={b={c=1}}"), ("a . b = 1", "a={b=1}"),
        ("a.\"b.c\".'d' = 1", "a={b.c={d=1}}"), ("a.b = 1\na.c = 2", "a={b=1 c=2}"), ("3.14 = 1", "3={14=1}"),
        ("a.b = 1\nx = 3\na.c = 2", "a={b=1 c=2} x=3"),
    ])
    func `keys are bare, quoted and dotted`(document: String, dumped: String) throws {
        #expect(try dump(document) == dumped)
    }

    @Test(arguments: [
        ("[a]", "a={}"), ("[a]\nb = 1\n[c]\nd = 2", "a={b=1} c={d=2}"),
        ("[ a . \"b c\" ] # why\nd = 1", "a={b c={d=1}}"),
        ("[a.b]\nc = 1\n[a]\nd = 2", "a={b={c=1} d=2}"), ("x = 1\n[a]\n[a.b]", "x=1 a={b={}}"),
        ("[a]\nb.c = 1\n[a.b.d]\ne = 2", "a={b={c=1 d={e=2}}}"),
        ("[a.b.c]\nd = 1\n[a]\nb.e = 2", "a={b={c={d=1} e=2}}"),
    ])
    func `headers name tables`(document: String, dumped: String) throws {
        #expect(try dump(document) == dumped)
    }

    @Test(arguments: [
        ("[[a]]\nb = 1\n[[a]]\nb = 2", "a=[{b=1},{b=2}]"), ("[[a.b]]\n[[a.b]]", "a={b=[{},{}]}"),
        ("[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2", "a=[{b={c=1}},{b={c=2}}]"),
        ("[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]", "a=[{b=[{},{}]},{b=[{}]}]"),
    ])
    func `headers in two brackets name elements of an array`(document: String, dumped: String) throws {
        #expect(try dump(document) == dumped)
    }

    @Test(arguments: [
        ("a = []", "a=[]"), ("a = [1, 2]", "a=[1,2]"), ("a = [1, 2,]", "a=[1,2]"),
        ("a=[[1],['x',true]]", "a=[[1],[\"x\",true]]"),
        ("a = [ # one\n\n 1, # two\n 2 # three\n , # four\n]\nb = 1", "a=[1,2] b=1"),
        ("a = [{b=1},{}]", "a=[{b=1},{}]"),
        ("a = {}", "a={}"), ("a = { b = 1, c.d = 2, 'e f' = [ \n1\n] }", "a={b=1 c={d=2} e f=[1]}"),
        ("a.b = {c = {}}", "a={b={c={}}}"), ("a={b.c=1,b.d=2}", "a={b={c=1 d=2}}"),
    ])
    func `arrays and inline tables`(document: String, dumped: String) throws {
        #expect(try dump(document) == dumped)
    }

    @Test(arguments: [
        ("a", "line 1: \"=\" expected, not the end of the text"),
        ("a\n= 1", "line 1: \"=\" expected, not the end of the line"),
        ("= 1", "line 1: a key expected, not \"=\""),
        ("a = 1 b = 2", "line 1: the end of the line expected, not \"b\""),
        ("a b = 1", "line 1: \"=\" expected, not \"b\""), ("é = 1", "line 1: a key expected, not \"é\""),
        ("a. = 1", "line 1: a key expected, not \"=\""), (".a = 1", "line 1: a key expected, not \".\""),
        ("a..b = 1", "line 1: a key expected, not \".\""),
        ("\"\"\"a\"\"\" = 1", "line 1: \"=\" expected, not \"\\\"\""),
        ("a = 1\n\n[b\nc = 1", "line 3: \"]\" expected, not the end of the line"),
        ("[]", "line 1: a key expected, not \"]\""),
        ("[a] b = 1", "line 1: the end of the line expected, not \"b\""),
        ("[[a]", "line 1: \"]]\" expected, not the end of the text"),
        ("[ [a]]", "line 1: a key expected, not \"[\""), ("[[a] ]", "line 1: \"]]\" expected, not \" \""),
        ("a = [1 2]", "line 1: \",\" or \"]\" expected, not \"2\""),
        ("a = [1,,2]", "line 1: a value expected, not \",\""),
        ("a = [\n1,\n", "line 3: a value expected, not the end of the text"),
        ("a = [,]", "line 1: a value expected, not \",\""),
        ("a = {b = 1,}", "line 1: a key expected, not \"}\""),
        ("a = {b = 1\n}", "line 1: \",\" or \"}\" expected, not the end of the line"),
        ("a = {\n}", "line 1: a key expected, not the end of the line"),
        ("a = {b}", "line 1: \"=\" expected, not \"}\""),
        ("a = ]", "line 1: a value expected, not \"]\""), ("a = 1]", "line 1: the end of the line expected, not \"]\""),
    ])
    func `what is out of place is named with its line`(document: String, text: String) {
        #expect(problem(document) == text)
    }

    @Test(arguments: [
        ("a = 1\na = 2", 2, "a", 1), ("a = 1\n\n\"a\" = 2", 3, "a", 1), ("a.b = 1\na.b = 2", 2, "b", 1),
        ("a = 1\na.b = 2", 2, "a", 1), ("a.b = 1\na = 2", 2, "a", 1), ("[a]\n[b]\n[a]", 3, "a", 1),
        ("[a]\nb = 1\n[a.b]", 3, "b", 2), ("a = 1\n[a]", 2, "a", 1), ("[a]\nb.c = 1\n[a.b]", 3, "b", 2),
        ("[a.b.c]\n[a]\nb.c.d = 1", 3, "c", 1), ("[a.b]\n[a]\nb.c = 1", 3, "b", 1), ("a = {}\n[a]", 2, "a", 1),
        ("a = {}\n[a.b]", 2, "a", 1), ("a = {}\na.b = 1", 2, "a", 1), ("a = {b.c = 1}\na.b.d = 1", 2, "a", 1),
        ("a = {b = 1, b = 2}", 1, "b", 1), ("a = {b = {}, b.c = 1}", 1, "b", 1), ("a = []\n[[a]]", 2, "a", 1),
        ("[a]\n[[a]]", 2, "a", 1), ("[[a]]\n[a]", 2, "a", 1), ("[a.b]\n[[a]]", 2, "a", 1),
        ("a = [{}]\n[a.b]", 2, "a", 1),
        ("[[a.b]]\n[a]\nb.c = 1", 3, "b", 1), ("a.b = 1\n[a]", 2, "a", 1),
    ])
    func `nothing is said twice`(document: String, line: Int, key: String, first: Int) {
        #expect(problem(document) == "line \(line): key \"\(key)\" is there already, in line \(first)")
    }

    @Test func `members have a line and are found by name`() throws {
        let table = try TOMLTable.parse(Array("# one\na = '''\n\n'''\nb = 1\n".utf8), subject: "doc")
        #expect(table.members.map(\.line) == [2, 5])
        #expect(table["b"]?.line == 5)
        #expect(table["c"] == nil)
    }

    @Test(arguments: [0x00, 0x08, 0x0b, 0x0c, 0x1f, 0x7f] as [UInt8])
    func `a control character is nowhere, not even in a comment`(byte: UInt8) {
        for document in ["a = 1\n# ", "a = 1\nb = '", "a = 1\nb = \"\"\""] {
            #expect(problem(Array(document.utf8) + [byte]) == "line 2: control character \(byte)")
        }
    }

    @Test func `a carriage return is only before a newline`() {
        #expect(problem("a = 1\n\rb = 2") == "line 2: carriage return without newline")
        #expect(problem("a = 1\r") == "line 1: carriage return without newline")
    }

    @Test(arguments: [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]] as [[UInt8]])
    func `what is no UTF-8 is refused with its line`(bytes: [UInt8]) {
        #expect(problem(Array("a = 1\n# é\nb = '".utf8) + bytes + [0x27]) == "line 3: not UTF-8")
    }

    @Test func `depth is bounded`() throws {
        func nested(_ depth: Int) -> String {
            "a = " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        func dotted(_ depth: Int) -> String { String(repeating: "a.", count: depth - 1) + "a" }
        #expect(problem(nested(32)) == nil)
        #expect(problem(nested(33)) == "line 1: more than 32 levels")
        #expect(problem(nested(200_000)) == "line 1: more than 32 levels")
        #expect(problem("a = " + String(repeating: "{a=", count: 100_000)) == "line 1: more than 32 levels")
        #expect(problem(dotted(32) + " = 1") == nil)
        #expect(problem(dotted(33) + " = 1") == "line 1: key of more than 32 parts")
        #expect(problem("[" + dotted(200_000) + "]") == "line 1: key of more than 32 parts")
    }

    @Test func `length is bounded`() throws {
        let line = Array("# a comment of thirty-two bytes.".utf8)
        var document: [UInt8] = []
        while document.count + line.count < TOMLTable.limit { document += line + [0x0a] }
        document += [UInt8](repeating: 0x20, count: TOMLTable.limit - document.count)
        #expect(problem(document) == nil)
        #expect(problem(document + [0x20]) == "longer than 1048576 bytes")
    }

    @Test func `many keys, elements and tables take no square of their number`() {
        // It would be minutes, and the run's end.
        let documents = [
            (0..<60_000).map { "k\($0)=1\n" }, [String](repeating: "[[a]]\n", count: 100_000),
            ["a=["] + [String](repeating: "1,", count: 100_000) + ["]"],
        ]
        for document in documents { #expect(problem(document.joined()) == nil) }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `no bytes make it stop, and a failure always says so`(seed: UInt64) {
        var random = Random(seed)
        let seeds = [
            "a.b = [1, {c = 'd'}, \"\\u00e9\"]\n[x.\"y\"]\nd = 1979-05-27T07:32:00Z\n[[z]]\ne = \"\"\"\nf \\\n g\"\"\"\n",
            "SystemdCgroup = true\r\nBinaryName = 'crun' # c\r\nIoUid = 0x_1\nf = -1_0.5e+3\n",
            "[[[{{\"'''\"\"\"\\.,=#\n\t",
        ].map { Array($0.utf8) }
        for _ in 0..<500 {
            var document = seeds[Int(random.next() % 3)]
            for _ in 0...(random.next() % 6) {
                let at = Int(random.next() % UInt64(document.count))
                switch random.next() % 4 {
                case 0: document[at] = UInt8(truncatingIfNeeded: random.next())
                case 1: document.remove(at: at)
                case 2: document.insert(seeds[2][Int(random.next() % UInt64(seeds[2].count))], at: at)
                default: document.append(contentsOf: document[at...])
                }
                if document.isEmpty { document = [0x5b] }
            }
            #expect(problem(document)?.hasPrefix("odd") != true)
        }
    }
}

/// The same numbers for the same seed (splitmix64).
private struct Random {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
