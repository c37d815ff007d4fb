//! Keeps private plaintexts, in every encoding, out of foreign text.
