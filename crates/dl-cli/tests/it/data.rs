//! `dl-data`, as a user runs it.
