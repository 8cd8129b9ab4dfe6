//! `dl-finetune`, as a user runs it.
