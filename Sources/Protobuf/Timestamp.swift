import CProto
import Linux

extension Timestamp {
    init?(_ raw: UnsafeMutablePointer<Swiftrunc__Timestamp>?) {
        guard let raw = unsafe raw else { return nil }
        unsafe self.init(seconds: raw.pointee.seconds, nanoseconds: raw.pointee.nanos)
    }
}

extension Arena {
    /// A copy of `timestamp`, as a field.
    func place(_ timestamp: Timestamp) -> UnsafeMutablePointer<Swiftrunc__Timestamp>? {
        unsafe place(
            Swiftrunc__Timestamp(
                base: base(swiftrunc__timestamp__type()), seconds: timestamp.seconds, nanos: timestamp.nanoseconds))
    }
}
