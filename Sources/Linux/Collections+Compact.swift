// What lives long and was last moved in a burst of work lies where the heap was large then, and keeps a page each.

extension Dictionary {
    /// Removes a key's value. A table that was large once and is nearly empty now is made small
    /// again: by itself it keeps the memory of its best days for ever.
    @discardableResult
    package mutating func removeAndShrink(_ key: Key) -> Value? {
        let value = removeValue(forKey: key)
        if capacity > 64, count * 8 < capacity { compact() }
        return value
    }

    /// Moves the contents to memory of just their size, as low in the heap as there is some.
    package mutating func compact() {
        var copy = Dictionary(minimumCapacity: count)
        for (key, value) in self { copy[key] = value }
        self = copy
    }
}

extension Set {
    /// As a dictionary's.
    package mutating func compact() {
        var copy = Set(minimumCapacity: count)
        for element in self { copy.insert(element) }
        self = copy
    }
}

extension Array {
    /// As a dictionary's.
    package mutating func compact() {
        var copy: Self = []
        copy.reserveCapacity(count)
        copy.append(contentsOf: self)
        self = copy
    }
}
