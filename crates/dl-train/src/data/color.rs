//! Colors of [3, h, w] red, green, blue.

use dl_vision::picture::warp::Normalization;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A number drawn from a range.
pub(super) fn between(range: [f64; 2], rng: &mut ChaCha8Rng) -> f64 {
    range[0] + (range[1] - range[0]) * rng.random::<f64>()
}

/// ITU-R 601-2 luma.
pub(super) fn gray([red, green, blue]: [f32; 3]) -> f32 {
    0.2989 * red + 0.587 * green + 0.114 * blue
}

pub(super) fn pixels(input: &[f32]) -> impl Iterator<Item = [f32; 3]> + '_ {
    let plane = input.len() / 3;
    (0..plane).map(move |at| [input[at], input[plane + at], input[2 * plane + at]])
}

pub(super) fn each_pixel(input: &mut [f32], change: impl Fn([f32; 3]) -> [f32; 3]) {
    let plane = input.len() / 3;
    for at in 0..plane {
        let [red, green, blue] = change([input[at], input[plane + at], input[2 * plane + at]]);
        (input[at], input[plane + at], input[2 * plane + at]) = (red, green, blue);
    }
}

/// The pixel with its hue turned by `turn` of a full circle.
pub(super) fn turned(pixel: [f32; 3], turn: f32) -> [f32; 3] {
    let [red, green, blue] = pixel;
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let spread = most - least;
    if spread <= 0.0 {
        return pixel;
    }
    let sixths = if most == red {
        (green - blue) / spread
    } else if most == green {
        2.0 + (blue - red) / spread
    } else {
        4.0 + (red - green) / spread
    };
    let hue = (sixths / 6.0 + turn).rem_euclid(1.0) * 6.0;
    // Foley and van Dam's formula, channel by channel.
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let k = (offset + hue) % 6.0;
        most - spread * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// From red, green, blue between 0 and 1 to the network's numbers.
pub(super) fn normalize(input: &mut [f32], Normalization { bgr, white, mean, std }: &Normalization) {
    let plane = input.len() / 3;
    if *bgr {
        let (red, rest) = input.split_at_mut(plane);
        red.swap_with_slice(&mut rest[plane..]);
    }
    for (channel, values) in input.chunks_exact_mut(plane.max(1)).enumerate() {
        values.iter_mut().for_each(|value| *value = (*value * white - mean[channel]) / std[channel]);
    }
}
