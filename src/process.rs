//! Child processes with deadlines, in groups of their own.
