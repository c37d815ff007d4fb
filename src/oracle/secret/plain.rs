//! Bytes that are a secret, or were made from one.

use std::fmt;

use zeroize::Zeroizing;

/// A secret's bytes, or what any hop made of them; wiped from memory when dropped.
///
/// Public ones may be shown to anybody, the others to nobody; what is made from one by [`Plain::map`]
/// inherits that. Two are equal when their bytes are, whether or not they are public.
#[derive(Clone)]
pub struct Plain {
    bytes: Zeroizing<Vec<u8>>,
    public: bool,
}

impl Plain {
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

impl PartialEq for Plain {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Plain {}

/// Private, since nobody said otherwise.
impl From<Vec<u8>> for Plain {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes, false)
    }
}

/// Private, since nobody said otherwise.
impl From<&[u8]> for Plain {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes, false)
    }
}

/// Private, since nobody said otherwise.
impl From<&str> for Plain {
    fn from(text: &str) -> Self {
        Self::new(text, false)
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.public {
            write!(f, "Plain({})", super::escaped(&self.bytes))
        } else {
            f.write_str("Plain([private])")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_what_is_not_public() {
        assert_eq!(format!("{:?}", Plain::new("admin", false)), "Plain([private])");
        assert_eq!(format!("{:?}", Plain::new("admin\n", true)), r#"Plain("admin\n")"#);
    }

    #[test]
    fn what_is_derived_is_as_private_as_its_source() {
        let upper = |p: &Plain| p.map(<[u8]>::to_ascii_uppercase);
        assert!(!upper(&"admin".into()).is_public());
        assert!(upper(&Plain::new("admin", true)).is_public());
        assert_eq!(upper(&"admin".into()).bytes(), b"ADMIN");
    }
}
