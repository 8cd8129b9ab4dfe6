//! The pose of a flat sign in space, and the projection of its points into the image.

use dl_vision::picture::raster::Point;

use super::canvas::sin_cos;
use super::dice::Dice;

/// Position and attitude of a sign.
#[derive(Clone, Copy)]
pub(crate) struct Pose {
    /// Where its middle is seen, in pixels.
    pub(crate) center: Point,
    /// Pixels of one unit of the sign's plane, seen straight on.
    pub(crate) radius: f64,
    /// Axes of the sign's plane, in space.
    across: [f64; 3],
    down: [f64; 3],
    /// Of the eye from the sign, in units of the plane: smaller means stronger perspective.
    distance: f64,
}

impl Pose {
    /// A sign of this size there, turned about its pole, a little tilted and rolled.
    pub(crate) fn draw(dice: &mut Dice, center: Point, radius: f64) -> Self {
        let yaw = if dice.chance(0.3) { dice.between(-0.13, 0.13) } else { dice.between(-0.05, 0.05) };
        let (yaw_sin, yaw_cos) = sin_cos(yaw);
        let (pitch_sin, pitch_cos) = sin_cos(dice.between(-0.04, 0.04));
        let roll = if dice.chance(0.15) { dice.between(-0.05, 0.05) } else { dice.between(-0.015, 0.015) };
        let (roll_sin, roll_cos) = sin_cos(roll);
        // First yaw about the vertical axis, then pitch about the horizontal one, then roll in the image plane.
        let turn = |[x, y, z]: [f64; 3]| {
            let (x, z) = (yaw_cos * x + yaw_sin * z, -yaw_sin * x + yaw_cos * z);
            let (y, z) = (pitch_cos * y - pitch_sin * z, pitch_sin * y + pitch_cos * z);
            [roll_cos * x - roll_sin * y, roll_sin * x + roll_cos * y, z]
        };
        let distance = dice.between(3.0, 8.0);
        Self { center, radius, across: turn([1.0, 0.0, 0.0]), down: turn([0.0, 1.0, 0.0]), distance }
    }

    /// Where a point of the sign's plane is seen.
    pub(crate) fn project(&self, [u, v]: Point) -> Point {
        let [x, y, z] = [0, 1, 2].map(|axis| u * self.across[axis] + v * self.down[axis]);
        let scale = self.radius * self.distance / (self.distance + z);
        [self.center[0] + scale * x, self.center[1] + scale * y]
    }

    /// Where a shape of the sign's plane is seen.
    pub(crate) fn project_all(&self, points: &[Point]) -> Vec<Point> {
        points.iter().map(|point| self.project(*point)).collect()
    }
}
