//! `dl-eval`, as a user runs it.
