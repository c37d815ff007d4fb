//! The oracle: what Kestra makes of an environment variable.
