//! What was found, in each format.
