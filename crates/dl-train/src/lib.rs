//! Optimisers, schedules, samplers, losses, SVMs, box regression and training loops.
