//! `--domain` of methods that fit one map to all rows.

use anyhow::{Error, anyhow};
use dl_transfer::rows::Row;

/// Which rows a method is fitted to.
#[derive(clap::Args, Debug)]
pub(super) struct FitDomains {
    /// Domains to fit to; all records are mapped [default: all records]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    domain: Vec<String>,
}

impl FitDomains {
    /// Whether the method is fitted to this row.
    pub(super) fn includes(&self, row: &Row) -> bool {
        self.domain.is_empty() || row.domain.as_ref().is_some_and(|domain| self.domain.contains(domain))
    }

    /// The error when it is fitted to none.
    pub(super) fn none(&self) -> Error {
        anyhow!("no record is of the domain {}; see --domain", self.domain.join(" or "))
    }
}
