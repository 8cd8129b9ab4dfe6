//! Camera effects: blur, motion, exposure, color cast, haze and noise.

use image::RgbImage;

use super::canvas::{Canvas, Color, mix};
use super::dice::Dice;

/// Renders the canvas as the camera sees it.
pub(crate) fn take(canvas: &Canvas, dice: &mut Dice) -> RgbImage {
    let (width, height) = (canvas.size.0 as usize, canvas.size.1 as usize);
    let mut pixels = canvas.pixels.clone();
    let binomial = [0.25, 0.5, 0.25];
    for _ in 0..dice.of(&[0, 0, 1, 1, 1, 2, 3]) {
        pixels = along_rows(&pixels, width, &binomial);
        pixels = along_columns(&pixels, width, &binomial);
    }
    if dice.chance(0.2) {
        let length = dice.of(&[3, 5]);
        pixels = along_rows(&pixels, width, &vec![1.0 / length as f32; length]);
    }
    let haze = if dice.chance(0.2) { dice.between(0.05, 0.3) } else { 0.0 };
    let (contrast, brightness) = (dice.between(0.72, 1.15), dice.between(-22.0, 22.0));
    let cast = [0, 1, 2].map(|_| dice.between(0.94, 1.06));
    let (vignette, grain) = (dice.between(0.0, 0.25), dice.between(1.0, 9.0));
    let mut photo = RgbImage::new(canvas.size.0, canvas.size.1);
    for (index, (pixel, color)) in photo.pixels_mut().zip(&pixels).enumerate() {
        let (x, y) = ((index % width) as f64 / width as f64 - 0.5, (index / width) as f64 / height as f64 - 0.5);
        let light = 1.0 - vignette * 2.0 * (x * x + y * y);
        let color = mix(*color, [196.0, 200.0, 206.0], haze);
        // Grain affects mostly brightness, and color a little.
        let common = dice.bell();
        for channel in 0..3 {
            let exposed = (f64::from(color[channel]) - 128.0) * contrast + 128.0 + brightness;
            let value = exposed * cast[channel] * light + grain * (0.8 * common + 0.5 * dice.bell());
            pixel.0[channel] = value.round().clamp(0.0, 255.0) as u8;
        }
    }
    photo
}

/// Weighted means of neighbors in a row; the edge is repeated.
fn along_rows(pixels: &[Color], width: usize, weights: &[f32]) -> Vec<Color> {
    let blurred = |index: usize| {
        let (start, column) = (index - index % width, index % width);
        sum(weights, |step| pixels[start + (column + step).saturating_sub(weights.len() / 2).min(width - 1)])
    };
    (0..pixels.len()).map(blurred).collect()
}

/// Weighted means of neighbors in a column; the edge is repeated.
fn along_columns(pixels: &[Color], width: usize, weights: &[f32]) -> Vec<Color> {
    let height = pixels.len() / width;
    let blurred = |index: usize| {
        let (row, column) = (index / width, index % width);
        sum(weights, |step| pixels[(row + step).saturating_sub(weights.len() / 2).min(height - 1) * width + column])
    };
    (0..pixels.len()).map(blurred).collect()
}

fn sum(weights: &[f32], pixel: impl Fn(usize) -> Color) -> Color {
    let mut total = [0.0; 3];
    for (step, weight) in weights.iter().enumerate() {
        for (total, channel) in total.iter_mut().zip(pixel(step)) {
            *total += weight * channel;
        }
    }
    total
}
