//! Bytes in, usage out.
