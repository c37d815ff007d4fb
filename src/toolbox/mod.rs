//! Finds or provides helm, kind and Java.
