//! A process that a test starts beside itself.

use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

/// A child that ends with the test, however that ends.
pub struct Background(Child);

impl Background {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Ends it; once more changes nothing.
    pub fn end(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Deref for Background {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Background {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}
