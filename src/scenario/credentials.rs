#[cfg(not(target_family = "wasm"))]
use rand::distr::{Alphanumeric, SampleString};
use secrecy::SecretString;

/// What basic authentication asks for. `Debug` shows the user name only.
#[derive(Clone, Debug)]
pub struct Credentials {
    username: String,
    password: SecretString,
}

impl Credentials {
    /// Credentials that a server already knows.
    pub fn new(username: impl Into<String>, password: SecretString) -> Self {
        Self {
            username: username.into(),
            password,
        }
    }

    /// New credentials for one run, of the form Kestra accepts (`BasicAuthService`): an e-mail
    /// address, and a password of at least 8 characters with an upper, a lower and a digit.
    /// With any other the server starts, ignores them and answers 401.
    #[cfg(not(target_family = "wasm"))]
    pub fn generate() -> Self {
        // Drawing again until every kind is there keeps the rest uniform; about one draw in
        // fifty is turned down. Letters and digits alone survive YAML and every shell.
        let password = loop {
            let drawn = Alphanumeric.sample_string(&mut rand::rng(), 24);
            let has = |kind: fn(&u8) -> bool| drawn.bytes().any(|byte| kind(&byte));
            if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
                break drawn;
            }
        };
        Self::new("kestra-secrets@example.com", password.into())
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The password, for the configuration the server is given and the request it is sent with.
    pub fn password(&self) -> &SecretString {
        &self.password
    }
}
