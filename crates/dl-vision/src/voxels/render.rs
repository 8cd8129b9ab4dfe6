//! Images of solids.

use image::{GrayImage, Luma};

use super::VoxelGrid;

/// Brightness of the sides that look up, to the viewer's left and to the right.
const SHADES: [u8; 3] = [225, 160, 100];
const WHITE: u8 = 255;
/// Brightness of the lines around what stands in front of something.
const OUTLINE: u8 = 45;
/// Brightness of the lines between two sides, relative to that of the darker one.
const CREASE: f64 = 0.65;
/// Pixels of a voxel from which on lines between sides are drawn; on smaller ones they would cover everything.
const LARGE: f64 = 4.0;
/// Rays of a pixel, across and down, up to this side of an image.
const RAYS: u32 = 2;
const MOST_RAYS: u32 = 2048;

/// What a ray meets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hit {
    /// Which side of a voxel: 0 from above, 1 from the front, 2 from the right.
    side: usize,
    /// The way of the ray, in voxels.
    way: f64,
}

/// The solid from above, in front and the right (isometric), on white, as a square of `side` pixels: a shade for each
/// direction of a side, and lines around what stands in front of something and where sides meet.
pub fn isometric(grid: &VoxelGrid, side: u32) -> GrayImage {
    let [depth, height, width] = grid.size().map(|side| side as f64);
    let rays = if side <= MOST_RAYS { RAYS } else { 1 };
    // The camera's axes in [x, y, z], y down: to the right, down, and the way of the light.
    let (half, third) = (0.5_f64.sqrt(), (1.0 / 3.0_f64).sqrt());
    let sixth = (1.0 / 6.0_f64).sqrt();
    let (right, down, forward) = ([half, 0.0, half], [sixth, 2.0 * sixth, -sixth], [-third, third, third]);
    let center = [width / 2.0, height / 2.0, depth / 2.0];
    let reach = (width * width + height * height + depth * depth).sqrt();
    // Voxels per ray.
    let scale = reach / f64::from(side * rays);
    let line = |v: u32| -> Vec<Option<Hit>> {
        let offset = |ray: u32| (f64::from(ray) + 0.5 - f64::from(side * rays) / 2.0) * scale;
        let ray = |u: u32| {
            let (u, v) = (offset(u), offset(v));
            let start = [0, 1, 2].map(|axis| center[axis] + right[axis] * u + down[axis] * v - forward[axis] * reach);
            hit(grid, start, forward, 2.0 * reach)
        };
        (0..side * rays).map(ray).collect()
    };
    let creases = 1.0 / (scale * f64::from(rays)) >= LARGE;
    // The line of rays above, this one and the one below.
    let mut above = vec![None; (side * rays) as usize];
    let mut here = line(0);
    let mut sums = vec![0_u32; side as usize];
    let mut image = GrayImage::new(side, side);
    for v in 0..side * rays {
        let below = if v + 1 < side * rays { line(v + 1) } else { vec![None; here.len()] };
        for (u, own) in here.iter().enumerate() {
            let beside = [u.checked_sub(1), Some(u + 1)].map(|u| u.and_then(|u| here.get(u).copied()).flatten());
            let around = [above[u], below[u], beside[0], beside[1]];
            sums[u / rays as usize] += u32::from(shade(*own, around, scale, creases));
        }
        if (v + 1) % rays == 0 {
            for (u, sum) in sums.iter_mut().enumerate() {
                image.put_pixel(u as u32, v / rays, Luma([(std::mem::take(sum) / (rays * rays)) as u8]));
            }
        }
        (above, here) = (here, below);
    }
    image
}

/// The brightness of a ray, of which those around it show whether it is on a line.
fn shade(own: Option<Hit>, around: [Option<Hit>; 4], scale: f64, creases: bool) -> u8 {
    // Along a side, and over the edge between two, the way changes by less.
    let is_step = |a: Hit, b: Hit| (a.way - b.way).abs() > 0.5 + 3.0 * scale;
    let outlined = around.iter().any(|other| match (own, *other) {
        (Some(own), Some(other)) => is_step(own, other),
        (own, other) => own.is_some() != other.is_some(),
    });
    let Some(own) = own else { return if outlined { OUTLINE } else { WHITE } };
    let darkest = around.iter().flatten().filter(|other| other.side != own.side).map(|other| SHADES[other.side]).min();
    match darkest {
        _ if outlined => OUTLINE,
        Some(other) if creases => (CREASE * f64::from(other.min(SHADES[own.side]))) as u8,
        _ => SHADES[own.side],
    }
}

/// The first filled voxel on the way (Amanatides and Woo 1987).
fn hit(grid: &VoxelGrid, start: [f64; 3], direction: [f64; 3], reach: f64) -> Option<Hit> {
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
        let way = next[axis];
        place[axis] += step[axis];
        next[axis] += delta[axis];
        if grid.is_filled([place[2], place[1], place[0]]) {
            // x is hit from the right, y from above, z from the front.
            return Some(Hit { side: [2, 0, 1][axis], way });
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
        // Lines around the cube and between its sides.
        assert!(image.pixels().filter(|pixel| pixel.0[0] < 90).count() > 300);
        let empty = VoxelGrid::new([1, 1, 1], vec![false]).unwrap();
        assert!(isometric(&empty, 8).pixels().all(|pixel| pixel.0[0] == 255));
    }

    #[test]
    fn a_step_is_outlined_against_what_is_behind_it() {
        // A flat plate, and a voxel that stands on its far left corner.
        let filled = |[z, y, x]: [usize; 3]| y == 7 || (z == 4 && x == 2 && y == 6);
        let voxels = (0..8 * 8 * 8).map(|place| filled([place / 64, place / 8 % 8, place % 8])).collect();
        let image = isometric(&VoxelGrid::new([8; 3], voxels).unwrap(), 240);
        let plate = (0..8 * 8 * 8).map(|place| place / 8 % 8 == 7).collect();
        let plate = isometric(&VoxelGrid::new([8; 3], plate).unwrap(), 240);
        let lines = |image: &GrayImage| image.pixels().filter(|pixel| pixel.0[0] < 90).count();
        assert!(lines(&image) > lines(&plate) + 20, "{} {}", lines(&image), lines(&plate));
    }
}
