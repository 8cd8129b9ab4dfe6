//! Errors in band: a sample that failed stays in the stream and says where and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `error` field: this sample failed in `tool`; later tools pass the record on untouched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The program in which the sample failed, for example `dl-embed`.
    pub tool: String,
    /// What was wrong, where, and what to do about it, in one line.
    pub message: String,
    /// The input line as it came, or the first MiB of it, when it could not be read as a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}
