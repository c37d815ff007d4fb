//! Bytes that are a secret, or were made from one.

use std::fmt;

use zeroize::Zeroizing;

/// A secret's bytes, or what any hop made of them; wiped from memory when dropped.
///
/// Public ones may be shown to anybody, the others to nobody; what is made from one by [`Plaintext::map`]
/// inherits that. Two are equal when their bytes are, whether or not they are public.
#[derive(Clone)]
pub struct Plaintext {
    bytes: Zeroizing<Vec<u8>>,
    public: bool,
}

impl Plaintext {
    /// Takes bytes; `public` says that they may be shown.
    pub fn new(bytes: impl Into<Vec<u8>>, public: bool) -> Self {
        Self {
            bytes: Zeroizing::new(bytes.into()),
            public,
        }
    }

    /// The bytes themselves: for comparing, encoding and handing on, never for output.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the bytes may be shown.
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// What `f` makes of the bytes, as private as they are.
    pub fn map<B: Into<Vec<u8>>>(&self, f: impl FnOnce(&[u8]) -> B) -> Self {
        Self::new(f(&self.bytes), self.public)
    }
}

impl PartialEq for Plaintext {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Plaintext {}

/// Private, since nobody said otherwise.
impl From<Vec<u8>> for Plaintext {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes, false)
    }
}

/// Private, since nobody said otherwise.
impl From<&[u8]> for Plaintext {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes, false)
    }
}

/// Private, since nobody said otherwise.
impl From<&str> for Plaintext {
    fn from(text: &str) -> Self {
        Self::new(text, false)
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.public {
            write!(f, "Plaintext({})", super::escaped(&self.bytes))
        } else {
            f.write_str("Plaintext([private])")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_what_is_not_public() {
        assert_eq!(format!("{:?}", Plaintext::new("admin", false)), "Plaintext([private])");
        assert_eq!(
            format!("{:?}", Plaintext::new("admin\n", true)),
            r#"Plaintext("admin\n")"#
        );
    }

    #[test]
    fn derived_plaintexts_are_as_private_as_their_source() {
        let upper = |p: &Plaintext| p.map(<[u8]>::to_ascii_uppercase);
        assert!(!upper(&"admin".into()).is_public());
        assert!(upper(&Plaintext::new("admin", true)).is_public());
        assert_eq!(upper(&"admin".into()).bytes(), b"ADMIN");
    }
}
