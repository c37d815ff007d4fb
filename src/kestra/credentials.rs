use secrecy::SecretString;

use crate::scenario::Credentials;

/// How a request says who asks.
#[derive(Clone, Debug)]
pub enum Auth {
    /// It does not.
    None,
    /// By user name and password, as the open-source server wants it.
    Basic(Credentials),
    /// By an API token, as the Enterprise edition wants it.
    Token(SecretString),
}

impl Auth {
    /// Who asks, for a person.
    pub(super) fn who(&self) -> &str {
        match self {
            Self::None => "nobody",
            Self::Basic(credentials) => credentials.username(),
            Self::Token(_) => "the token",
        }
    }
}

impl From<Credentials> for Auth {
    fn from(credentials: Credentials) -> Self {
        Self::Basic(credentials)
    }
}
