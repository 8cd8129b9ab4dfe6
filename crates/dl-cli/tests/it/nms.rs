//! `dl-nms`, as a user runs it.
