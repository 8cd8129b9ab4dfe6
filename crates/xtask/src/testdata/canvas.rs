//! An image being painted, which tracks the visible part of each sign.

use dl_vision::picture::raster::{self, Point};

/// Red, green, blue from 0 to 255; values outside are clipped by the camera.
pub(crate) type Color = [f32; 3];

/// The image, and one layer of visible pixels for each sign.
pub(crate) struct Canvas {
    pub(crate) size: (u32, u32),
    /// Row by row.
    pub(crate) pixels: Vec<Color>,
    /// For each sign, its share of each pixel, from 0 to 1.
    pub(crate) visible: Vec<Vec<f32>>,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let count = width as usize * height as usize;
        Self { size: (width, height), pixels: vec![[0.0; 3]; count], visible: Vec::new() }
    }

    pub(crate) fn width(&self) -> f64 {
        f64::from(self.size.0)
    }

    pub(crate) fn height(&self) -> f64 {
        f64::from(self.size.1)
    }

    /// Fills the contours with the color that `paint` returns for each pixel, hiding the signs behind.
    pub(crate) fn fill(&mut self, contours: &[Vec<Point>], opacity: f32, paint: impl Fn(f64, f64) -> Color) {
        let (pixels, visible, width) = (&mut self.pixels, &mut self.visible, self.size.0);
        raster::fill(contours, self.size, |x, y, coverage| {
            let index = (y * width + x) as usize;
            blend(&mut pixels[index], paint(f64::from(x), f64::from(y)), coverage * opacity);
            for layer in visible.iter_mut() {
                layer[index] *= 1.0 - coverage * opacity;
            }
        });
    }

    /// Fills one contour with one color, hiding the signs behind.
    pub(crate) fn flat(&mut self, contour: Vec<Point>, color: Color) {
        self.fill(&[contour], 1.0, |_, _| color);
    }

    /// Adds a sign with this outline in front; [`decorate`](Self::decorate) paints it.
    pub(crate) fn begin_sign(&mut self, outline: &[Point]) {
        let mut layer = vec![0.0; self.pixels.len()];
        let (visible, width) = (&mut self.visible, self.size.0);
        raster::fill(&[outline.to_vec()], self.size, |x, y, coverage| {
            let index = (y * width + x) as usize;
            layer[index] = coverage;
            for behind in visible.iter_mut() {
                behind[index] *= 1.0 - coverage;
            }
        });
        self.visible.push(layer);
    }

    /// Paints on the sign in front.
    pub(crate) fn decorate(&mut self, contour: Vec<Point>, paint: impl Fn(f64, f64) -> Color) {
        let (pixels, width) = (&mut self.pixels, self.size.0);
        raster::fill(&[contour], self.size, |x, y, coverage| {
            blend(&mut pixels[(y * width + x) as usize], paint(f64::from(x), f64::from(y)), coverage);
        });
    }
}

fn blend(pixel: &mut Color, paint: Color, opacity: f32) {
    for (old, new) in pixel.iter_mut().zip(paint) {
        *old += (new - *old) * opacity;
    }
}

/// `a` at 0, `b` at 1.
pub(crate) fn mix(a: Color, b: Color, at: f64) -> Color {
    let at = at.clamp(0.0, 1.0) as f32;
    [0, 1, 2].map(|channel| a[channel] + (b[channel] - a[channel]) * at)
}

/// Lighter for a factor above 1, darker below.
pub(crate) fn shade(color: Color, factor: f64) -> Color {
    color.map(|channel| channel * factor as f32)
}

/// Corners of an upright rectangle.
pub(crate) fn rectangle(x1: f64, y1: f64, x2: f64, y2: f64) -> Vec<Point> {
    vec![[x1, y1], [x2, y1], [x2, y2], [x1, y2]]
}

/// An ellipse as a polygon.
pub(crate) fn ellipse(center: Point, radii: Point) -> Vec<Point> {
    let corners = 48;
    let point = |index: i32| {
        let (sin, cos) = sin_cos(f64::from(index) / f64::from(corners));
        [center[0] + radii[0] * cos, center[1] + radii[1] * sin]
    };
    (0..corners).map(point).collect()
}

/// A straight bar with round ends.
pub(crate) fn capsule(a: Point, b: Point, thickness: f64) -> Vec<Point> {
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
    let (ux, uy) = if length > 0.0 { (along[0] / length, along[1] / length) } else { (1.0, 0.0) };
    let (radius, steps) = (0.5 * thickness, 8);
    let end = |center: Point, turn: f64| {
        (0..=steps).map(move |step| {
            let (sin, cos) = sin_cos(turn + 0.5 * f64::from(step) / f64::from(steps));
            [center[0] + radius * (cos * ux - sin * uy), center[1] + radius * (cos * uy + sin * ux)]
        })
    };
    end(b, -0.25).chain(end(a, 0.25)).collect()
}

/// Sine and cosine of an angle in turns. Unlike the system's, they are identical on all machines.
pub(crate) fn sin_cos(turns: f64) -> (f64, f64) {
    let sine = |turns: f64| {
        let turns = turns - turns.round();
        // Reduce to the quarter turn around 0, where the series is short.
        let turns = if turns.abs() > 0.25 { 0.5 * turns.signum() - turns } else { turns };
        let angle = turns * std::f64::consts::TAU;
        let square = angle * angle;
        let term = |inner: f64, factor: f64| 1.0 - square / factor * inner;
        let series = [342.0, 272.0, 210.0, 156.0, 110.0, 72.0, 42.0, 20.0, 6.0];
        angle * series.into_iter().fold(1.0, term)
    };
    (sine(turns), sine(turns + 0.25))
}

/// Smooth noise from -1 to 1 whose features are `scale` pixels wide.
pub(crate) fn noise(seed: u64, scale: f64, x: f64, y: f64) -> f64 {
    let (x, y) = (x / scale, y / scale);
    let (left, top) = (x.floor(), y.floor());
    let smooth = |at: f64| at * at * (3.0 - 2.0 * at);
    let (fx, fy) = (smooth(x - left), smooth(y - top));
    let (left, top) = (left as i64, top as i64);
    let row = |y: i64| lattice(seed, left, y) * (1.0 - fx) + lattice(seed, left + 1, y) * fx;
    row(top) * (1.0 - fy) + row(top + 1) * fy
}

fn lattice(seed: u64, x: i64, y: i64) -> f64 {
    // SplitMix64's finalizer over the three numbers.
    let mut hash =
        seed ^ (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_agrees_with_the_standard_library() {
        for step in -300..300 {
            let turns = f64::from(step) / 97.0;
            let (sin, cos) = sin_cos(turns);
            let angle = turns * std::f64::consts::TAU;
            assert!((sin - angle.sin()).abs() < 1e-9 && (cos - angle.cos()).abs() < 1e-9, "{turns}: {sin} {cos}");
        }
    }
}
