//! Masks: run-length encoding, as COCO writes it.
