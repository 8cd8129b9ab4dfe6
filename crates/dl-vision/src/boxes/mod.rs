//! Overlap, coding, clipping and suppression of boxes.
