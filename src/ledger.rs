//! What this process owns, written down before it is made.
