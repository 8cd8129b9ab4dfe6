//! Images of solids.

use image::GrayImage;

use super::VoxelGrid;

/// Brightness of the sides that look up, to the viewer's left and to the right; 255 is the background.
const SHADES: [u8; 3] = [215, 150, 95];

/// The solid from above, in front and the right (isometric), on white, as a square of `side` pixels.
pub fn isometric(grid: &VoxelGrid, side: u32) -> GrayImage {
    let [depth, height, width] = grid.size().map(|side| side as f64);
    // The camera's axes in [x, y, z], y down: to the right, down, and the way of the light.
    let (half, third) = (0.5_f64.sqrt(), (1.0 / 3.0_f64).sqrt());
    let sixth = (1.0 / 6.0_f64).sqrt();
    let (right, down, forward) = ([half, 0.0, half], [sixth, 2.0 * sixth, -sixth], [-third, third, third]);
    let center = [width / 2.0, height / 2.0, depth / 2.0];
    let reach = (width * width + height * height + depth * depth).sqrt();
    let scale = reach / f64::from(side);
    GrayImage::from_fn(side, side, |u, v| {
        let offset = |pixel: u32| (f64::from(pixel) + 0.5 - f64::from(side) / 2.0) * scale;
        let (u, v) = (offset(u), offset(v));
        let start = [0, 1, 2].map(|axis| center[axis] + right[axis] * u + down[axis] * v - forward[axis] * reach);
        image::Luma([hit(grid, start, forward, 2.0 * reach).map_or(255, |axis| SHADES[axis])])
    })
}

/// The first filled voxel on the way: which side is hit, 0 from above, 1 from the front, 2 from the right (Amanatides and Woo
/// 1987).
fn hit(grid: &VoxelGrid, start: [f64; 3], direction: [f64; 3], reach: f64) -> Option<usize> {
    let mut place = start.map(|at| at.floor() as i64);
    let step = direction.map(|direction| if direction > 0.0 { 1 } else { -1 });
    let delta = direction.map(|direction| 1.0 / direction.abs());
    let mut next = [0, 1, 2].map(|axis| {
        let edge = if step[axis] > 0 { place[axis] as f64 + 1.0 } else { place[axis] as f64 };
        (edge - start[axis]) / direction[axis]
    });
    loop {
        let axis = (0..3).reduce(|a, b| if next[b] < next[a] { b } else { a })?;
        if next[axis] > reach {
            return None;
        }
        place[axis] += step[axis];
        next[axis] += delta[axis];
        if grid.is_filled([place[2], place[1], place[0]]) {
            // x is hit from the right, y from above, z from the front.
            return Some([2, 0, 1][axis]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cube_shows_three_sides_of_equal_area() {
        let grid = VoxelGrid::new([4, 4, 4], vec![true; 64]).unwrap();
        let image = isometric(&grid, 200);
        let count = |shade: u8| image.pixels().filter(|pixel| pixel.0[0] == shade).count() as f64;
        for shade in SHADES {
            let share = count(shade) / count(SHADES[0]);
            assert!((share - 1.0).abs() < 0.05, "{shade}: {share}");
        }
        assert!(count(SHADES[0]) > 2000.0);
        // The top is above the others.
        let mean = |shade: u8| {
            let rows =
                image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] == shade).map(|(_, y, _)| f64::from(y));
            rows.sum::<f64>() / count(shade)
        };
        assert!(mean(SHADES[0]) < mean(SHADES[1]) && mean(SHADES[0]) < mean(SHADES[2]));
        let empty = VoxelGrid::new([1, 1, 1], vec![false]).unwrap();
        assert!(isometric(&empty, 8).pixels().all(|pixel| pixel.0[0] == 255));
    }
}
