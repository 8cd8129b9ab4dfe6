//! Region proposals: selective search and the sliding window.
