//! Errors of a record that are those of the whole input.

use std::error::Error;
use std::fmt;

/// An error that ends the run, whatever the other records are.
#[derive(Debug)]
pub(crate) struct Fatal(pub(crate) String);

impl fmt::Display for Fatal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Fatal {}
