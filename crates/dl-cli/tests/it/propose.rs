//! `dl-propose`, as a user runs it.
