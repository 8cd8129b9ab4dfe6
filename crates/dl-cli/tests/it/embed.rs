//! `dl-embed`, as a user runs it.
