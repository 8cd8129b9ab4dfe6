//! Images as planes of numbers, for metrics of pairs of images.

use anyhow::{Result, ensure};

/// The channels of an image, each [height, width] row by row, in f64; values from 0 to 255, not rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The channels.
    pub channels: Vec<Vec<f64>>,
}

impl Planes {
    /// The red, green and blue of interleaved 8-bit pixels [height, width, 3].
    /// # Errors
    /// When the number of bytes does not fit.
    pub fn of_rgb(bytes: &[u8], width: usize, height: usize) -> Result<Self> {
        ensure!(bytes.len() == 3 * width * height, "{} bytes for {width} x {height} pixels", bytes.len());
        let channel = |channel| bytes.as_chunks::<3>().0.iter().map(|pixel| f64::from(pixel[channel])).collect();
        Ok(Self { width, height, channels: (0..3).map(channel).collect() })
    }

    /// The luma of red, green and blue: ITU-R BT.601, from 16 to 235, as MATLAB's `rgb2ycbcr` and the super-resolution
    /// papers have it, but not rounded (BasicSR's `bgr2ycbcr` with `y_only`).
    /// # Errors
    /// When the number of channels is not three.
    pub fn luma(&self) -> Result<Self> {
        let [red, green, blue] = self.channels.as_slice() else {
            anyhow::bail!("{} channels; luma is of red, green and blue", self.channels.len());
        };
        let pixels = red.iter().zip(green).zip(blue);
        let luma = pixels.map(|((r, g), b)| 16.0 + (65.481 * r + 128.553 * g + 24.966 * b) / 255.0).collect();
        Ok(Self { channels: vec![luma], ..*self })
    }

    /// Without `border` pixels on each side.
    /// # Errors
    /// When nothing would be left.
    pub fn cropped(&self, border: usize) -> Result<Self> {
        let (width, height) = (self.width, self.height);
        ensure!(width.min(height) > 2 * border, "{width} x {height} pixels less a border of {border} leave nothing");
        let crop = |channel: &Vec<f64>| -> Vec<f64> {
            let rows = channel.chunks_exact(width).skip(border).take(height - 2 * border);
            rows.flat_map(|row| &row[border..width - border]).copied().collect()
        };
        let channels = self.channels.iter().map(crop).collect();
        Ok(Self { width: width - 2 * border, height: height - 2 * border, channels })
    }

    /// The values outside of a rectangle from (x1, y1) to before (x2, y2), as one row.
    /// # Errors
    /// When nothing would be left.
    pub fn outside(&self, [x1, y1, x2, y2]: [usize; 4]) -> Result<Self> {
        let kept = |at: &usize| {
            let (x, y) = (at % self.width, at / self.width);
            !((x1..x2).contains(&x) && (y1..y2).contains(&y))
        };
        let places: Vec<usize> = (0..self.width * self.height).filter(kept).collect();
        let (width, height) = (self.width, self.height);
        ensure!(!places.is_empty(), "{width} x {height} pixels lie within {x1},{y1},{x2},{y2}; nothing is left");
        let channels = self.channels.iter().map(|channel| places.iter().map(|place| channel[*place]).collect());
        Ok(Self { width: places.len(), height: 1, channels: channels.collect() })
    }

    /// Half the size: means of 2 x 2 pixels; an odd last row or column is dropped.
    pub(crate) fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let half = |channel: &Vec<f64>| {
            let pixel = |at: usize| {
                let first = 2 * (at / width) * self.width + 2 * (at % width);
                let second = first + self.width;
                0.25 * (channel[first] + channel[first + 1] + channel[second] + channel[second + 1])
            };
            (0..width * height).map(pixel).collect()
        };
        Self { width, height, channels: self.channels.iter().map(half).collect() }
    }

    /// Fails unless both have the same size and number of channels, at least one of each.
    pub(crate) fn check_same(&self, other: &Self) -> Result<()> {
        let size = |planes: &Self| format!("{} x {} pixels", planes.width, planes.height);
        ensure!(
            (self.width, self.height) == (other.width, other.height),
            "the images differ in size: {} and {}",
            size(self),
            size(other)
        );
        ensure!(
            self.channels.len() == other.channels.len() && !self.channels.is_empty() && self.width * self.height > 0,
            "{} and {} channels of {}",
            self.channels.len(),
            other.channels.len(),
            size(self)
        );
        Ok(())
    }
}

/// The files of the shared data, for tests: the pair and what is expected of it. Empty, with a message, without them.
#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skipped test prints why")]
pub(crate) fn shared_pairs() -> Vec<(serde_json::Value, [Planes; 2])> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/gan-metrics");
    let Ok(text) = std::fs::read_to_string(folder.join("pairs.expected.json")) else {
        eprintln!("SKIPPED: {} does not exist", folder.display());
        return Vec::new();
    };
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let planes = |pair: &serde_json::Value, key: &str| {
        let path = folder.join(pair[key].as_str().unwrap());
        let image = dl_vision::picture::load(path.to_str().unwrap()).unwrap();
        Planes::of_rgb(image.as_raw(), image.width() as usize, image.height() as usize).unwrap()
    };
    let pairs = expected["pairs"].as_array().unwrap().iter();
    pairs.map(|pair| (pair.clone(), ["first", "second"].map(|key| planes(pair, key)))).collect()
}

/// The two images of testdata/goldens/generated/make.py with this size: 8-bit RGB by formula.
#[cfg(test)]
pub(crate) fn golden_pair(width: usize, height: usize) -> [Planes; 2] {
    let value = |at: usize| {
        let (pixel, channel) = (at / 3, at % 3);
        let (x, y) = (pixel % width, pixel / width);
        ((3 * x + 5 * y + 40 * channel + (x * y) % 31) % 256) as i64
    };
    let first: Vec<u8> = (0..3 * width * height).map(|at| value(at) as u8).collect();
    let noise = |at: usize| (crate::formula((at / 3) as u64, (at % 3) as u64) * 8.0) as i64;
    let second: Vec<u8> = (0..3 * width * height).map(|at| (value(at) + noise(at)).clamp(0, 255) as u8).collect();
    [first, second].map(|bytes| Planes::of_rgb(&bytes, width, height).unwrap())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_spans_16_to_235_and_borders_are_cropped() {
        let planes = Planes::of_rgb(&[255, 255, 255, 0, 0, 0, 255, 0, 0], 3, 1).unwrap();
        let luma = planes.luma().unwrap();
        assert!(luma.channels[0].iter().zip([235.0, 16.0, 81.481]).all(|(a, b)| (a - b).abs() < 1e-9), "{luma:?}");
        assert!(luma.luma().is_err() && planes.cropped(1).is_err());
        let square = Planes { width: 3, height: 3, channels: vec![(0..9).map(f64::from).collect()] };
        assert_eq!(square.cropped(1).unwrap().channels, [[4.0]]);
        assert_eq!(square.halved().channels, [[2.0]]);
        assert!(square.check_same(&square.cropped(1).unwrap()).unwrap_err().to_string().contains("differ in size"));
        assert!(Planes::of_rgb(&[0; 8], 3, 1).is_err());
    }
}
