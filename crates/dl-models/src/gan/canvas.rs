//! The shape of generated images.

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::file::limits::{LARGEST_SIDE, count};

/// The shape of generated images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canvas {
    /// 1 (gray), 2 (gray and alpha), 3 (RGB) or 4 (RGBA).
    pub channels: usize,
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
}

impl Canvas {
    /// Numbers of an image.
    pub fn numbers(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Checks that the sides and channels are within limits.
    /// # Errors
    /// When they are not.
    pub fn check(&self) -> Result<()> {
        ensure!((1..=4).contains(&self.channels), "images have {} channels; expected 1 to 4", self.channels);
        count("the height", self.height, LARGEST_SIDE)?;
        count("the width", self.width, LARGEST_SIDE)
    }

    /// The smallest map that doubles to this canvas, [height, width], and the number of doublings.
    /// # Errors
    /// When the sides do not have enough factors of 2.
    pub(crate) fn doublings(&self) -> Result<([usize; 2], usize)> {
        /// Sides of the smallest map.
        const LEAST: usize = 4;
        const MOST: usize = 15;
        let (height, width) = (self.height, self.width);
        let halves = |side: usize, count: usize| (side >> count << count == side).then_some(side >> count);
        let deepest = (1..12).rev().find_map(|count| {
            let map = [halves(height, count)?, halves(width, count)?];
            (map[0].min(map[1]) >= LEAST).then_some((map, count))
        });
        match deepest {
            Some((map, count)) if map[0].min(map[1]) <= MOST => Ok((map, count)),
            _ => {
                let near = |side: usize| side.next_multiple_of(if side < 64 { 4 } else { 16 });
                bail!(
                    "images of {width} x {height} pixels do not come from a small map by doubling; give --size {}x{}",
                    near(width),
                    near(height)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_doubled_from_a_small_map_or_refused_with_another() {
        let doublings =
            |width, height| Canvas { channels: 1, height, width }.doublings().map_err(|error| error.to_string());
        assert_eq!(doublings(64, 64), Ok(([4, 4], 4)));
        assert_eq!(doublings(28, 28), Ok(([7, 7], 2)));
        assert_eq!(doublings(30, 32), Ok(([16, 15], 1)));
        assert_eq!(doublings(96, 48), Ok(([6, 12], 3)));
        assert!(doublings(100, 100).unwrap_err().contains("112x112"));
        assert!(doublings(31, 31).unwrap_err().contains("32x32"));
        assert_eq!(doublings(112, 112), Ok(([7, 7], 4)));
    }
}
