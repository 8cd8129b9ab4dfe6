//! `dl-model`, as a user runs it.
