//! Random worlds by seed.
