//! The parts of a step.

use serde::Serialize;

use super::OptimizerConfig;
use crate::schedule::Schedule;

/// A part of a step, which computes one loss and updates the weights of one player.
///
/// Most tasks have one. A GAN has `discriminator` and `generator`; a critic that is trained five times as often as the
/// generator has `generator` on every fifth step; lazy regularization is a phase of its own, with the discriminator's
/// player, on every sixteenth step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The name of its loss in the log, if there are several phases.
    pub name: &'static str,
    /// Whose weights it updates: an index into [`FitConfig::players`](super::FitConfig::players).
    pub player: usize,
    /// The steps that have it.
    pub when: When,
}

impl Phase {
    /// A phase of every step.
    pub const fn new(name: &'static str, player: usize) -> Self {
        Self { name, player, when: When::Every(1) }
    }

    /// The same on other steps.
    #[must_use]
    pub const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }
}

/// Steps, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Steps 0, N, 2 N and so on.
    Every(usize),
    /// All steps but these: two networks that take turns.
    Except(usize),
}

impl When {
    /// Whether `step` is one of them.
    pub fn includes(self, step: usize) -> bool {
        match self {
            Self::Every(every) => step.is_multiple_of(every.max(1)),
            Self::Except(every) => !step.is_multiple_of(every.max(1)),
        }
    }
}

/// How the weights of one player are trained.
#[derive(Clone, Debug, Serialize)]
pub struct Player {
    /// Its optimizer, which keeps one state for all of its phases.
    pub optimizer: OptimizerConfig,
    /// Its learning rate over the steps. Its number of iterations is not used.
    pub schedule: Schedule,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_take_turns_share_the_steps() {
        for step in 0..12 {
            assert_ne!(When::Every(3).includes(step), When::Except(3).includes(step));
            assert!(When::Every(1).includes(step) && When::Every(0).includes(step));
        }
        assert!(When::Every(16).includes(0) && When::Every(16).includes(32) && !When::Every(16).includes(8));
    }
}
