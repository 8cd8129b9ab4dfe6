//! `dl-detect`, as a user runs it.
