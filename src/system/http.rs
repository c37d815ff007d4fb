//! The one place in which HTTP clients begin.

/// Begins an HTTP client, whose TLS is ring's.
///
/// reqwest would bring aws-lc by itself, which takes minutes to compile, beside the ring that `kube` and
/// `testcontainers` use. So it brings none, and takes what is installed for the whole process.
#[expect(clippy::disallowed_methods, reason = "this is where clients begin")]
pub fn client_builder() -> reqwest::ClientBuilder {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}
