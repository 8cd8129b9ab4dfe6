//! Texts out of lists and tables.
