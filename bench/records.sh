#!/usr/bin/env bash
# Measures how fast a feature matrix of 2,000 x 4,096 floats passes between two programs: GB of numbers per second, as JSON.
#
#   bench/records.sh [LINES [ROWS COLUMNS]]
#
# Needs `cargo build --release --workspace --examples`.
set -euo pipefail
cd "$(dirname "$0")/.."
target/release/examples/tensor_speed "$@"
