//! `dl-draw`, as a user runs it.
