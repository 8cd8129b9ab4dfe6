//! The table of signs. A row is a class; a new class is a new row.

use dl_vision::picture::raster::Point;

use super::canvas::{Canvas, Color, mix, noise, shade};
use super::dice::Dice;
use super::perspective::Pose;
use super::plate::Plate;
use super::symbol::Symbol;

/// A class of signs.
pub(crate) struct Sign {
    /// The class's name in the truth.
    pub(crate) name: &'static str,
    plate: Plate,
    /// Outlines painted one on the other: scale and colour, the first with scale 1.
    layers: &'static [(f64, Color)],
    symbol: Symbol,
    ink: Color,
}

const RED: Color = [196.0, 22.0, 34.0];
const BLUE: Color = [16.0, 78.0, 172.0];
const YELLOW: Color = [246.0, 190.0, 12.0];
const WHITE: Color = [240.0, 240.0, 238.0];
const BLACK: Color = [24.0, 24.0, 26.0];
const GREY: Color = [128.0, 130.0, 134.0];

const LIMITS: &[&str] = &["20", "30", "40", "50", "60", "70", "80", "90"];

/// Every class, in the order of their numbers in COCO files (from 1).
#[rustfmt::skip]
pub(crate) const SIGNS: &[Sign] = &[
    Sign { name: "stop", plate: Plate::Octagon, layers: &[(1.0, WHITE), (0.92, RED)], symbol: Symbol::Text(&["STOP"], 1.5, 0.66), ink: WHITE },
    Sign { name: "yield", plate: Plate::TriangleDown, layers: &[(1.0, RED), (0.56, WHITE)], symbol: Symbol::Nothing, ink: BLACK },
    Sign { name: "no-entry", plate: Plate::Disc, layers: &[(1.0, WHITE), (0.94, RED)], symbol: Symbol::Bar, ink: WHITE },
    Sign { name: "speed-limit", plate: Plate::Disc, layers: &[(1.0, RED), (0.76, WHITE)], symbol: Symbol::Text(LIMITS, 1.16, 0.76), ink: BLACK },
    Sign { name: "priority", plate: Plate::Diamond, layers: &[(1.0, BLACK), (0.95, WHITE), (0.7, YELLOW)], symbol: Symbol::Nothing, ink: BLACK },
    Sign { name: "turn-right", plate: Plate::Disc, layers: &[(1.0, WHITE), (0.94, BLUE)], symbol: Symbol::ArrowRight, ink: WHITE },
    Sign { name: "warning", plate: Plate::TriangleUp, layers: &[(1.0, RED), (0.64, WHITE)], symbol: Symbol::Exclamation, ink: BLACK },
    Sign { name: "crossing", plate: Plate::Square, layers: &[(1.0, WHITE), (0.93, BLUE)], symbol: Symbol::Walker, ink: BLACK },
];

impl Sign {
    /// Paints the sign in front of everything, so that the canvas knows its pixels; returns its outline in the picture.
    pub(crate) fn draw(&self, canvas: &mut Canvas, pose: &Pose, dice: &mut Dice) -> Vec<Point> {
        // Weather: light from one side, faded colours, dirt.
        let light = dice.between(0.68, 1.06);
        let slope = dice.between(-0.18, 0.18) / pose.radius;
        let fade = if dice.chance(0.4) { dice.between(0.0, 0.3) } else { 0.0 };
        let dirt = if dice.chance(0.4) { dice.between(0.0, 0.3) } else { 0.04 };
        let (seed, spot) = (dice.seed(), pose.radius * dice.between(0.15, 0.5) + 1.0);
        let left = pose.center[0];
        let worn = |color: Color| {
            let color = mix(color, GREY, fade);
            move |x: f64, y: f64| {
                let stain = 1.0 - dirt * noise(seed, spot, x, y).max(0.0);
                shade(color, (light + slope * (x - left)) * stain)
            }
        };
        let outline = pose.project_all(&self.plate.outline(1.0));
        canvas.begin_sign(&outline);
        for (scale, color) in self.layers {
            canvas.decorate(pose.project_all(&self.plate.outline(*scale)), worn(*color));
        }
        for (shape, color) in self.symbol.shapes(self.ink, dice) {
            canvas.decorate(pose.project_all(&shape), worn(color));
        }
        outline
    }
}
