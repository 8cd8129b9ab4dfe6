//! Outlines of signs in their own plane: x to the right, y down, everything within 1 of the middle.

use dl_vision::picture::raster::Point;

use super::canvas::{ellipse, sin_cos};

/// The shape of a sign.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plate {
    Disc,
    Octagon,
    TriangleUp,
    TriangleDown,
    Diamond,
    Square,
}

impl Plate {
    /// Its outline shrunk about the middle to `scale`, so that two of them make a rim of even width.
    pub(crate) fn outline(self, scale: f64) -> Vec<Point> {
        let outline = match self {
            Self::Disc => ellipse([0.0, 0.0], [1.0, 1.0]),
            Self::Octagon => rounded(&regular(8, 1.0 / 16.0, 1.06), 0.04),
            Self::TriangleUp => rounded(&regular(3, -0.25, 1.12), 0.10),
            Self::TriangleDown => rounded(&regular(3, 0.25, 1.12), 0.10),
            Self::Diamond => rounded(&regular(4, 0.0, 1.05), 0.10),
            Self::Square => rounded(&regular(4, 0.125, 1.20), 0.12),
        };
        outline.into_iter().map(|[x, y]| [scale * x, scale * y]).collect()
    }
}

/// A regular polygon around the origin with its first corner at `turn`.
fn regular(corners: u32, turn: f64, radius: f64) -> Vec<Point> {
    let corner = |index| {
        let (sin, cos) = sin_cos(turn + f64::from(index) / f64::from(corners));
        [radius * cos, radius * sin]
    };
    (0..corners).map(corner).collect()
}

/// Corners cut by a curve (a quadratic Bezier) that begins at this share of each side.
fn rounded(corners: &[Point], share: f64) -> Vec<Point> {
    let count = corners.len();
    let mix = |a: Point, b: Point, at: f64| [a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at];
    let curve = |index: usize| {
        let corner = corners[index];
        let from = mix(corner, corners[(index + count - 1) % count], share);
        let to = mix(corner, corners[(index + 1) % count], share);
        (0..=6).map(move |step| {
            let at = f64::from(step) / 6.0;
            mix(mix(from, corner, at), mix(corner, to, at), at)
        })
    };
    (0..count).flat_map(curve).collect()
}
