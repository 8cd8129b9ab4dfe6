//! Symbols on signs: words, numbers, arrows and figures, as polygons in the plane of the sign.

use dl_vision::picture::raster::Point;

use super::canvas::{Color, capsule, ellipse, rectangle};
use super::dice::Dice;
use super::face::WHITE;
use super::glyph::Glyph;
use super::strokes;

/// The symbol on a sign.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbol {
    Nothing,
    /// One of these texts, with a maximum width and height.
    Text(&'static [&'static str], f64, f64),
    /// A horizontal bar.
    Bar,
    /// Up, then to the right.
    ArrowRight,
    Exclamation,
    /// A white triangle with a walker on stripes.
    Walker,
    /// A pictogram, half its side, and its distance below the center; gaps show the background color.
    Glyph {
        glyph: &'static Glyph,
        size: f64,
        below: f64,
        ground: Color,
    },
}

impl Symbol {
    /// The polygons with their colors, in painting order.
    pub(crate) fn shapes(self, ink: Color, dice: &mut Dice) -> Vec<(Vec<Point>, Color)> {
        let inked = |shapes: Vec<Vec<Point>>| shapes.into_iter().map(|shape| (shape, ink)).collect();
        match self {
            Self::Nothing => Vec::new(),
            Self::Text(texts, width, height) => inked(text(dice.of(texts), width, height)),
            Self::Glyph { glyph, size, below, ground } => glyph.shapes(size, below, ink, ground),
            Self::Bar => inked(vec![rectangle(-0.68, -0.17, 0.68, 0.17)]),
            Self::ArrowRight => inked(vec![
                capsule([-0.34, 0.52], [-0.34, -0.02], 0.24),
                capsule([-0.34, -0.02], [-0.14, -0.2], 0.24),
                rectangle(-0.16, -0.32, 0.2, -0.08),
                vec![[0.12, -0.58], [0.66, -0.2], [0.12, 0.18]],
            ]),
            Self::Exclamation => inked(vec![
                vec![[-0.12, -0.42], [0.12, -0.42], [0.06, 0.1], [-0.06, 0.1]],
                ellipse([0.0, 0.26], [0.1, 0.1]),
            ]),
            Self::Walker => {
                let triangle = vec![[0.0, -0.66], [0.7, 0.56], [-0.7, 0.56]];
                let limbs: [[Point; 2]; 6] = [
                    [[0.02, -0.16], [-0.02, 0.12]],
                    [[-0.02, 0.12], [0.16, 0.42]],
                    [[-0.02, 0.12], [-0.2, 0.42]],
                    [[0.02, -0.12], [0.22, 0.08]],
                    [[0.02, -0.12], [-0.2, 0.04]],
                    [[-0.5, 0.49], [0.5, 0.49]],
                ];
                let mut shapes = vec![(triangle, WHITE)];
                shapes.push((ellipse([0.04, -0.31], [0.1, 0.1]), ink));
                shapes.extend(limbs.map(|[a, b]| (capsule(a, b, 0.11), ink)));
                shapes
            }
        }
    }
}

/// `text` in the built-in typeface, centered on the sign, as large as `width` and `height` allow.
fn text(text: &str, width: f64, height: f64) -> Vec<Vec<Point>> {
    let columns = strokes::width(text);
    // Bold: the strokes are wider than the grid.
    let weight = 1.35;
    let scale = (width / (columns + weight - 1.0)).min(height / (strokes::CAPITAL_ROWS + weight - 1.0));
    let place = |[x, y]: Point| [scale * (x - 0.5 * columns), scale * (y - 0.5 * strokes::CAPITAL_ROWS)];
    let mut bars = Vec::new();
    for stroke in strokes::strokes(text) {
        bars.extend(stroke.windows(2).map(|ends| capsule(place(ends[0]), place(ends[1]), scale * weight)));
    }
    bars
}
