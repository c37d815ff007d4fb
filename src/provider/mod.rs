//! Where Kestra runs.
