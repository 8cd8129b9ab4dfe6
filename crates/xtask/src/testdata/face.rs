//! The face of a sign: its plate, its colors and what is painted on it, worn by the weather.

use dl_vision::picture::raster::Point;

use super::canvas::{Canvas, Color, mix, noise, shade};
use super::dice::Dice;
use super::perspective::Pose;
use super::plate::Plate;
use super::symbol::Symbol;

pub(crate) const RED: Color = [196.0, 22.0, 34.0];
pub(crate) const BLUE: Color = [16.0, 78.0, 172.0];
pub(crate) const GREEN: Color = [12.0, 116.0, 74.0];
pub(crate) const YELLOW: Color = [246.0, 190.0, 12.0];
pub(crate) const WHITE: Color = [240.0, 240.0, 238.0];
pub(crate) const BLACK: Color = [24.0, 24.0, 26.0];
const GRAY: Color = [128.0, 130.0, 134.0];

/// What a sign looks like.
pub(crate) struct Face {
    pub(crate) plate: Plate,
    /// Outlines painted one on the other: scale and color, the first with scale 1.
    pub(crate) layers: &'static [(f64, Color)],
    pub(crate) symbol: Symbol,
    pub(crate) ink: Color,
}

impl Face {
    /// Paints the sign in front of everything, so that the canvas tracks its pixels; returns its outline in the image.
    pub(crate) fn draw(&self, canvas: &mut Canvas, pose: &Pose, dice: &mut Dice) -> Vec<Point> {
        // Weather: light from one side, faded colors, dirt.
        let light = dice.between(0.68, 1.06);
        let slope = dice.between(-0.18, 0.18) / pose.radius;
        let fade = if dice.chance(0.4) { dice.between(0.0, 0.3) } else { 0.0 };
        let dirt = if dice.chance(0.4) { dice.between(0.0, 0.3) } else { 0.04 };
        let (seed, spot) = (dice.seed(), pose.radius * dice.between(0.15, 0.5) + 1.0);
        let left = pose.center[0];
        let worn = |color: Color| {
            let color = mix(color, GRAY, fade);
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

    /// The outlines in the image of the plate's layers and of the symbol.
    pub(crate) fn outlines(&self, pose: &Pose, dice: &mut Dice) -> Vec<Vec<Point>> {
        let layers = self.layers.iter().map(|(scale, _)| self.plate.outline(*scale));
        let shapes = self.symbol.shapes(self.ink, dice).into_iter().map(|(shape, _)| shape);
        layers.chain(shapes).map(|shape| pose.project_all(&shape)).collect()
    }
}
