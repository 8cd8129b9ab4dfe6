//! Proposals: recall and average best overlap.
