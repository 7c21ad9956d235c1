extension Dictionary {
    /// Removes a key's value. A table that was large once and is nearly empty now is made small
    /// again: by itself it keeps the memory of its best days for ever.
    @discardableResult
    package mutating func removeAndShrink(_ key: Key) -> Value? {
        let value = removeValue(forKey: key)
        if capacity > 64, count * 8 < capacity { self = filter { _ in true } }
        return value
    }
}
