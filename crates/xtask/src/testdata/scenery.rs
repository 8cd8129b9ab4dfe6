//! The background of the signs: sky, hills, ground, a road, houses, trees, a wall.

use dl_vision::picture::raster::Point;

use super::canvas::{Canvas, Color, ellipse, mix, noise, rectangle, shade};
use super::dice::Dice;

/// Sky colors at the top and at the horizon.
const SKIES: [[Color; 2]; 6] = [
    [[70.0, 130.0, 205.0], [178.0, 208.0, 232.0]],
    [[120.0, 160.0, 205.0], [222.0, 226.0, 228.0]],
    [[150.0, 156.0, 166.0], [206.0, 208.0, 210.0]],
    [[60.0, 82.0, 128.0], [236.0, 178.0, 128.0]],
    [[200.0, 204.0, 208.0], [228.0, 228.0, 226.0]],
    [[44.0, 58.0, 92.0], [116.0, 122.0, 142.0]],
];

const GROUNDS: [Color; 6] = [
    [92.0, 124.0, 62.0],
    [122.0, 116.0, 72.0],
    [136.0, 132.0, 124.0],
    [104.0, 98.0, 90.0],
    [150.0, 134.0, 104.0],
    [72.0, 104.0, 60.0],
];

const WALLS: [Color; 9] = [
    [176.0, 96.0, 74.0],
    [206.0, 190.0, 160.0],
    [168.0, 168.0, 170.0],
    [198.0, 170.0, 120.0],
    [140.0, 74.0, 62.0],
    [222.0, 216.0, 206.0],
    [118.0, 132.0, 146.0],
    [186.0, 148.0, 138.0],
    [150.0, 160.0, 128.0],
];

const LEAVES: [Color; 5] =
    [[58.0, 98.0, 46.0], [84.0, 122.0, 50.0], [40.0, 76.0, 44.0], [142.0, 122.0, 44.0], [160.0, 92.0, 40.0]];

/// Paints the background; returns the row of the horizon, where the ground begins.
pub(crate) fn paint(canvas: &mut Canvas, dice: &mut Dice) -> f64 {
    let horizon = canvas.height() * dice.between(0.42, 0.72);
    if dice.chance(0.14) {
        wall(canvas, dice);
        return horizon;
    }
    sky(canvas, dice, horizon);
    if dice.chance(0.6) {
        hills(canvas, dice, horizon);
    }
    ground(canvas, dice, horizon);
    if dice.chance(0.75) {
        road(canvas, dice, horizon);
    }
    let (houses, trees) = dice.of(&[(0, 9), (2, 4), (4, 3), (6, 2), (3, 6)]);
    for _ in 0..dice.whole(houses / 2, houses) {
        house(canvas, dice, horizon);
    }
    for _ in 0..dice.whole(trees / 2, trees) {
        tree(canvas, dice, horizon);
    }
    horizon
}

fn sky(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let [top, bottom] = dice.of(&SKIES);
    let (width, height, seed) = (canvas.width(), canvas.height(), dice.seed());
    let clouds = dice.between(-0.3, 0.9).max(0.0);
    canvas.fill(&[rectangle(0.0, 0.0, width, height)], 1.0, |x, y| {
        let base = mix(top, bottom, y / horizon);
        let cloud = noise(seed, 60.0, x, 2.5 * y) + 0.5 * noise(seed ^ 1, 23.0, x, 2.5 * y);
        mix(base, [244.0, 244.0, 246.0], clouds * cloud.clamp(0.0, 0.8))
    });
}

fn hills(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    for ridge in 0..dice.whole(1, 3) {
        let (seed, height) = (dice.seed(), dice.between(8.0, 46.0) / (1.0 + ridge as f64));
        let color = mix(dice.of(&LEAVES), [150.0, 166.0, 190.0], 0.75 - 0.25 * ridge as f64);
        let mut contour = vec![[canvas.width(), horizon + 1.0], [0.0, horizon + 1.0]];
        let columns = (0..=canvas.size.0).step_by(4).map(f64::from);
        contour.extend(columns.map(|x| [x, horizon - height * (0.6 + 0.4 * noise(seed, 55.0, x, 0.5))]));
        canvas.fill(&[contour], 1.0, |x, y| shade(color, 1.0 + 0.05 * noise(seed, 6.0, x, y)));
    }
}

fn ground(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let (width, height, seed) = (canvas.width(), canvas.height(), dice.seed());
    let (near, far, rough) = (dice.of(&GROUNDS), dice.of(&GROUNDS), dice.between(0.06, 0.2));
    canvas.fill(&[rectangle(0.0, horizon, width, height)], 1.0, |x, y| {
        let depth = (y - horizon) / (height - horizon).max(1.0);
        let grain = noise(seed, 3.0, x, y) + noise(seed ^ 1, 14.0, x, 2.0 * y);
        shade(mix(far, near, depth), 0.95 + rough * 0.5 * grain * (0.4 + depth))
    });
}

fn road(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let (width, height, seed) = (canvas.width(), canvas.height(), dice.seed());
    let away = [width * dice.between(0.2, 0.8), horizon];
    let (left, right) = (width * dice.between(-0.4, 0.3), width * dice.between(0.7, 1.4));
    let gray = dice.between(74.0, 128.0) as f32;
    let between = |at: f64, depth: f64| {
        let near = left + (right - left) * at;
        [away[0] + (near - away[0]) * depth, away[1] + (height - away[1]) * depth]
    };
    let strip = |from: f64, to: f64, start: f64, end: f64| {
        vec![between(from, start), between(to, start), between(to, end), between(from, end)]
    };
    canvas.fill(&[strip(0.0, 1.0, 0.0, 1.0)], 1.0, |x, y| {
        shade([gray, gray, gray + 4.0], 1.0 + 0.06 * noise(seed, 2.5, x, y) + 0.05 * noise(seed, 17.0, x, y))
    });
    let paint: Color = dice.of(&[[226.0, 226.0, 222.0], [226.0, 226.0, 222.0], [222.0, 186.0, 70.0]]);
    for edge in [0.05, 0.94] {
        canvas.flat(strip(edge, edge + 0.012, 0.0, 1.0), paint);
    }
    let mut depth = 0.06;
    while depth < 1.0 {
        canvas.flat(strip(0.49, 0.51, depth, depth * 1.3), paint);
        depth *= 1.75;
    }
}

fn house(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let width = dice.between(30.0, 110.0);
    let (left, top) = (dice.between(-30.0, canvas.width() - 20.0), horizon - dice.between(24.0, 130.0));
    let bottom = horizon + dice.between(2.0, 16.0);
    let wall = shade(dice.of(&WALLS), dice.between(0.7, 1.1));
    let seed = dice.seed();
    if dice.chance(0.5) {
        let roof = dice.of(&[[140.0, 62.0, 50.0], [92.0, 84.0, 84.0], [112.0, 78.0, 60.0]]);
        let ridge = top - dice.between(8.0, 28.0);
        canvas.flat(
            vec![
                [left - 4.0, top],
                [left + 0.3 * width, ridge],
                [left + 0.7 * width, ridge],
                [left + width + 4.0, top],
            ],
            roof,
        );
    }
    canvas.fill(&[rectangle(left, top, left + width, bottom)], 1.0, |x, y| {
        shade(wall, 1.0 + 0.05 * noise(seed, 9.0, x, y) + 0.04 * noise(seed ^ 1, 2.0, x, y))
    });
    let (cell_x, cell_y) = (dice.between(11.0, 20.0), dice.between(13.0, 24.0));
    let pane = dice.of(&[[58.0, 70.0, 86.0], [98.0, 120.0, 142.0], [44.0, 46.0, 52.0], [214.0, 196.0, 138.0]]);
    let (columns, rows) = ((width / cell_x) as usize, ((bottom - top) / cell_y) as usize);
    for (column, row) in (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row))) {
        let (x, y) = (left + (column as f64 + 0.25) * cell_x, top + (row as f64 + 0.25) * cell_y);
        let frame = rectangle(x - 1.0, y - 1.0, x + 0.5 * cell_x + 1.0, y + 0.55 * cell_y + 1.0);
        canvas.flat(frame, shade(wall, 1.18));
        let color = shade(pane, dice.between(0.7, 1.2));
        canvas.flat(rectangle(x, y, x + 0.5 * cell_x, y + 0.55 * cell_y), color);
    }
}

fn tree(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let size = dice.between(16.0, 64.0);
    let foot = [dice.between(0.0, canvas.width()), horizon + dice.between(0.0, 0.5 * size)];
    let top = foot[1] - dice.between(1.0, 1.8) * size;
    let bark = [84.0, 66.0, 50.0];
    let trunk = 0.06 * size + 1.0;
    canvas.flat(
        vec![
            [foot[0] - trunk, foot[1]],
            [foot[0] - 0.5 * trunk, top],
            [foot[0] + 0.5 * trunk, top],
            [foot[0] + trunk, foot[1]],
        ],
        bark,
    );
    let color = shade(dice.of(&LEAVES), dice.between(0.75, 1.2));
    for _ in 0..9 {
        let center = [foot[0] + 0.36 * size * dice.bell(), top + 0.26 * size * dice.bell()];
        let clump = size * dice.between(0.18, 0.4);
        foliage(canvas, dice, center, clump, color);
    }
}

/// A ragged clump of leaves, light above and dark below.
pub(crate) fn foliage(canvas: &mut Canvas, dice: &mut Dice, center: Point, radius: f64, color: Color) {
    let seed = dice.seed();
    let ragged = |[x, y]: Point| {
        let reach = 1.0 + 0.3 * noise(seed, 3.0, x, y);
        [center[0] + (x - center[0]) * reach, center[1] + (y - center[1]) * reach]
    };
    let contour = ellipse(center, [radius, radius * 0.85]).into_iter().map(ragged).collect();
    canvas.fill(&[contour], 1.0, |x, y| {
        let light = 1.0 - 0.22 * (y - center[1]) / radius;
        shade(color, light + 0.3 * noise(seed, 2.2, x, y) + 0.15 * noise(seed ^ 1, 6.0, x, y))
    });
}

/// A greenish, reddish or grayish leaf.
pub(crate) fn leaf_color(dice: &mut Dice) -> Color {
    shade(dice.of(&LEAVES), dice.between(0.7, 1.2))
}

/// A nearby wall of bricks or plaster instead of a landscape.
fn wall(canvas: &mut Canvas, dice: &mut Dice) {
    let (width, height, seed) = (canvas.width(), canvas.height(), dice.seed());
    let color = shade(dice.of(&WALLS), dice.between(0.7, 1.1));
    let bricks = dice.chance(0.6);
    let (brick_x, brick_y) = (dice.between(16.0, 34.0), dice.between(7.0, 14.0));
    canvas.fill(&[rectangle(0.0, 0.0, width, height)], 1.0, |x, y| {
        let grain = 1.0 + 0.08 * noise(seed, 40.0, x, y) + 0.05 * noise(seed ^ 1, 2.0, x, y);
        let row = (y / brick_y).floor();
        let column = x / brick_x + 0.5 * (row % 2.0);
        if bricks && (y - row * brick_y < 1.3 || (column - column.floor()) * brick_x < 1.3) {
            return shade([178.0, 172.0, 162.0], grain);
        }
        let own = if bricks { 0.16 * noise(seed ^ 2, 0.7, column.floor() * 3.1, row * 5.3) } else { 0.0 };
        shade(color, grain + own)
    });
}
