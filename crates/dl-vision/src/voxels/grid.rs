//! A solid shape on a grid.

use anyhow::{Result, ensure};

/// Largest side of a grid.
pub(super) const LARGEST_SIDE: usize = 512;

/// Which voxels of a grid are filled. The viewer looks along the depth: x goes to the right, y down, z away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoxelGrid {
    /// [depth, height, width].
    size: [usize; 3],
    /// z by z, y by y, x by x.
    filled: Vec<bool>,
}

impl VoxelGrid {
    /// A grid [depth, height, width] with these voxels, z by z, y by y, x by x.
    /// # Errors
    /// When a side is 0 or larger than 512, or the number of voxels is another.
    pub fn new(size: [usize; 3], filled: Vec<bool>) -> Result<Self> {
        let [depth, height, width] = size;
        ensure!(
            size.iter().all(|side| (1..=LARGEST_SIDE).contains(side)),
            "a grid of {width} x {height} x {depth} voxels; sides of 1 to {LARGEST_SIDE} are supported"
        );
        ensure!(filled.len() == depth * height * width, "{} voxels are not {width} x {height} x {depth}", filled.len());
        Ok(Self { size, filled })
    }

    /// The voxels whose number is at least `threshold`.
    /// # Errors
    /// As [`new`](Self::new).
    pub fn above(size: [usize; 3], numbers: &[f32], threshold: f32) -> Result<Self> {
        Self::new(size, numbers.iter().map(|number| *number >= threshold).collect())
    }

    /// [depth, height, width].
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// All voxels, z by z, y by y, x by x.
    pub fn filled(&self) -> &[bool] {
        &self.filled
    }

    /// How many voxels are filled.
    pub fn count(&self) -> usize {
        self.filled.iter().filter(|filled| **filled).count()
    }

    /// Whether a voxel is filled; none is outside of the grid.
    pub fn is_filled(&self, [z, y, x]: [i64; 3]) -> bool {
        let [depth, height, width] = self.size.map(|side| side as i64);
        let inside = (0..depth).contains(&z) && (0..height).contains(&y) && (0..width).contains(&x);
        inside && self.filled[((z * height + y) * width + x) as usize]
    }

    /// What the viewer sees: for each pixel [height, width], whether a voxel behind it is filled.
    pub fn silhouette(&self) -> Vec<bool> {
        let area = self.size[1] * self.size[2];
        (0..area).map(|place| self.filled[place..].iter().step_by(area).any(|filled| *filled)).collect()
    }

    /// The largest part that hangs together by faces; the first of equal ones.
    #[must_use]
    pub fn largest_component(&self) -> Self {
        let [_, height, width] = self.size;
        let mut part = vec![0_u32; self.filled.len()];
        let (mut parts, mut best) = (0, (0, 0));
        let mut open = Vec::new();
        for start in 0..self.filled.len() {
            if !self.filled[start] || part[start] > 0 {
                continue;
            }
            parts += 1;
            let mut count = 0;
            part[start] = parts;
            open.push(start);
            while let Some(place) = open.pop() {
                count += 1;
                let (z, y, x) = (place / (height * width), place / width % height, place % width);
                for (step, [dz, dy, dx]) in self.neighbors() {
                    let [z, y, x] = [z as i64 + dz, y as i64 + dy, x as i64 + dx];
                    if self.is_filled([z, y, x]) {
                        let next = (place as i64 + step) as usize;
                        if part[next] == 0 {
                            part[next] = parts;
                            open.push(next);
                        }
                    }
                }
            }
            if count > best.0 {
                best = (count, parts);
            }
        }
        let filled = part.iter().map(|part| *part > 0 && *part == best.1).collect();
        Self { size: self.size, filled }
    }

    /// The steps to the six neighbors, in places and in [z, y, x].
    fn neighbors(&self) -> [(i64, [i64; 3]); 6] {
        let (row, area) = (self.size[2] as i64, (self.size[1] * self.size[2]) as i64);
        [(-area, [-1, 0, 0]), (area, [1, 0, 0]), (-row, [0, -1, 0]), (row, [0, 1, 0]), (-1, [0, 0, -1]), (1, [0, 0, 1])]
    }

    /// Voxels that are filled in both, divided by those filled in either; 1 if both are empty.
    /// # Errors
    /// When the sizes differ.
    pub fn iou(&self, other: &Self) -> Result<f64> {
        ensure!(self.size == other.size, "grids of {:?} and {:?} voxels cannot be compared", self.size, other.size);
        let pairs = || self.filled.iter().zip(&other.filled);
        let both = pairs().filter(|(a, b)| **a && **b).count();
        let either = pairs().filter(|(a, b)| **a || **b).count();
        Ok(if either == 0 { 1.0 } else { both as f64 / either as f64 })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two boxes of 8 and 3 voxels that touch only at an edge, in a grid of 4 x 5 x 6.
    pub(in super::super) fn boxes() -> VoxelGrid {
        let mut filled = vec![false; 4 * 5 * 6];
        for z in 0..4 {
            for y in 0..5 {
                for x in 0..6 {
                    let first = z < 2 && y < 2 && x < 2;
                    let second = z == 0 && y == 2 && (2..5).contains(&x);
                    filled[(z * 5 + y) * 6 + x] = first || second;
                }
            }
        }
        VoxelGrid::new([4, 5, 6], filled).unwrap()
    }

    #[test]
    fn parts_silhouettes_and_overlaps_are_those_by_hand() {
        let grid = boxes();
        assert_eq!(grid.count(), 11);
        let largest = grid.largest_component();
        assert_eq!(largest.count(), 8);
        assert_eq!(largest.silhouette().iter().filter(|seen| **seen).count(), 4);
        assert_eq!(grid.silhouette().iter().filter(|seen| **seen).count(), 7);
        assert!((grid.iou(&largest).unwrap() - 8.0 / 11.0).abs() < 1e-12);
        assert!(grid.is_filled([1, 1, 1]) && !grid.is_filled([2, 1, 1]) && !grid.is_filled([-1, 0, 0]));
        let empty = VoxelGrid::above([1, 1, 2], &[0.1, 0.2], 0.5).unwrap();
        assert_eq!((empty.largest_component(), empty.iou(&empty).unwrap()), (empty.clone(), 1.0));
        assert!(VoxelGrid::new([1, 1, 0], Vec::new()).is_err() && empty.iou(&grid).is_err());
    }
}
