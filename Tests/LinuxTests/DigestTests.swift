import Testing

@testable import Linux

struct DigestTests {
    /// The socket names of contract C-1.22, and FIPS 180's own.
    @Test(arguments: [
        (
            "/run/containerd/containerd.sock/default/c1",
            "d25aa4ef11a84e954e74a5bcff06557d0b6ea8d0c00243896f29826694bbd888"
        ),
        (
            "/run/containerd/containerd.sock/k8s.io/pod1",
            "8e264b1ad347c80aee5f3dea6e4bb53d72026989222058782273d5db043c7723"
        ),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ])
    func `a text has its digest`(text: String, digest: String) {
        #expect(Digest.sha256(text) == digest)
    }
}
