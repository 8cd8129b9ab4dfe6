//! In-band errors: a sample that fails stays in the stream, with the program and the reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `error` field: this sample failed in `tool`; later programs pass the record through unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The program in which the sample failed, for example `dl-embed`.
    pub tool: String,
    /// What was wrong, where, and how to fix it, in one line.
    pub message: String,
    /// The input line, or its first MiB, if the line is not a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}
