//! The table of signs of the detection dataset. A row is a class; a new class is a new row.

use super::face::{BLACK, BLUE, Face, RED, WHITE, YELLOW};
use super::plate::Plate;
use super::symbol::Symbol;

/// A class of signs.
pub(crate) struct Sign {
    /// The class's name in the truth.
    pub(crate) name: &'static str,
    pub(crate) face: Face,
}

const LIMITS: &[&str] = &["20", "30", "40", "50", "60", "70", "80", "90"];

/// Every class, in the order of their numbers in COCO files (from 1).
#[rustfmt::skip]
pub(crate) const SIGNS: &[Sign] = &[
    Sign { name: "stop", face: Face { plate: Plate::Octagon, layers: &[(1.0, WHITE), (0.92, RED)], symbol: Symbol::Text(&["STOP"], 1.5, 0.66), ink: WHITE } },
    Sign { name: "yield", face: Face { plate: Plate::TriangleDown, layers: &[(1.0, RED), (0.56, WHITE)], symbol: Symbol::Nothing, ink: BLACK } },
    Sign { name: "no-entry", face: Face { plate: Plate::Disc, layers: &[(1.0, WHITE), (0.94, RED)], symbol: Symbol::Bar, ink: WHITE } },
    Sign { name: "speed-limit", face: Face { plate: Plate::Disc, layers: &[(1.0, RED), (0.76, WHITE)], symbol: Symbol::Text(LIMITS, 1.16, 0.76), ink: BLACK } },
    Sign { name: "priority", face: Face { plate: Plate::Diamond, layers: &[(1.0, BLACK), (0.95, WHITE), (0.7, YELLOW)], symbol: Symbol::Nothing, ink: BLACK } },
    Sign { name: "turn-right", face: Face { plate: Plate::Disc, layers: &[(1.0, WHITE), (0.94, BLUE)], symbol: Symbol::ArrowRight, ink: WHITE } },
    Sign { name: "warning", face: Face { plate: Plate::TriangleUp, layers: &[(1.0, RED), (0.64, WHITE)], symbol: Symbol::Exclamation, ink: BLACK } },
    Sign { name: "crossing", face: Face { plate: Plate::Square, layers: &[(1.0, WHITE), (0.93, BLUE)], symbol: Symbol::Walker, ink: BLACK } },
];
