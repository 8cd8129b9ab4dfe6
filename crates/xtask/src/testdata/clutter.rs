//! Foreground objects that are not signs: poles, cars, traffic lights, boards, and shapes in the colors of signs.

use dl_vision::picture::raster::Point;

use super::canvas::{Canvas, Color, capsule, ellipse, mix, noise, rectangle, shade};
use super::dice::Dice;
use super::scenery::{foliage, leaf_color};
use super::strokes;

/// Colors of man-made objects, including those of the signs.
const PAINTS: [Color; 10] = [
    [190.0, 26.0, 38.0],
    [24.0, 82.0, 168.0],
    [238.0, 184.0, 24.0],
    [232.0, 232.0, 230.0],
    [34.0, 36.0, 40.0],
    [30.0, 122.0, 70.0],
    [206.0, 104.0, 30.0],
    [120.0, 124.0, 130.0],
    [118.0, 44.0, 92.0],
    [86.0, 160.0, 190.0],
];

/// Paints a few objects at random places.
pub(crate) fn paint(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    for _ in 0..dice.whole(0, 2) {
        let top = [dice.between(0.0, canvas.width()), dice.between(-0.2, 0.4) * canvas.height()];
        let radius = dice.between(0.8, 2.6);
        pole(canvas, dice, top, 400.0, radius);
    }
    if dice.chance(0.3) {
        wires(canvas, dice);
    }
    for _ in 0..dice.whole(0, 2) {
        car(canvas, dice, horizon);
    }
    if dice.chance(0.3) {
        traffic_light(canvas, dice);
    }
    for _ in 0..dice.whole(0, 2) {
        board(canvas, dice);
    }
    for _ in 0..dice.whole(1, 6) {
        shape(canvas, dice);
    }
}

/// A round pole from `top` down, light in the middle.
pub(crate) fn pole(canvas: &mut Canvas, dice: &mut Dice, top: Point, length: f64, radius: f64) {
    let color = dice.of(&[[130.0, 132.0, 136.0], [92.0, 94.0, 98.0], [168.0, 170.0, 172.0], [110.0, 88.0, 66.0]]);
    let lean = dice.between(-0.015, 0.015) * length;
    let contour = vec![
        [top[0] - radius, top[1]],
        [top[0] + radius, top[1]],
        [top[0] + lean + radius, top[1] + length],
        [top[0] + lean - radius, top[1] + length],
    ];
    canvas.fill(&[contour], 1.0, |x, y| {
        let middle = top[0] + lean * (y - top[1]) / length;
        shade(color, 1.12 - 0.3 * ((x + 0.5 - middle) / radius).abs())
    });
}

fn wires(canvas: &mut Canvas, dice: &mut Dice) {
    let (from, to) = (dice.between(0.0, 0.35) * canvas.height(), dice.between(0.0, 0.35) * canvas.height());
    for wire in 0..dice.whole(1, 3) {
        let down = 5.0 * wire as f64;
        canvas.flat(capsule([-2.0, from + down], [canvas.width() + 2.0, to + down], 1.0), [46.0, 46.0, 50.0]);
    }
}

fn car(canvas: &mut Canvas, dice: &mut Dice, horizon: f64) {
    let length = dice.between(28.0, 92.0);
    let (left, foot) = (dice.between(-0.3 * length, canvas.width()), horizon + dice.between(0.2, 0.55) * length);
    let (color, flip) = (shade(dice.of(&PAINTS), dice.between(0.7, 1.05)), dice.chance(0.5));
    let at = |x: f64, y: f64| [left + length * if flip { 1.0 - x } else { x }, foot + length * y];
    let dark = [40.0, 48.0, 58.0];
    canvas.flat(vec![at(0.0, -0.02), at(1.0, -0.02), at(0.98, 0.02), at(0.02, 0.02)], [48.0, 48.0, 48.0]);
    canvas.flat(vec![at(0.16, -0.22), at(0.28, -0.37), at(0.66, -0.37), at(0.82, -0.21)], color);
    canvas.flat(vec![at(0.22, -0.22), at(0.31, -0.34), at(0.46, -0.34), at(0.46, -0.22)], dark);
    canvas.flat(vec![at(0.49, -0.22), at(0.49, -0.34), at(0.64, -0.34), at(0.76, -0.22)], dark);
    let body = vec![at(0.0, -0.04), at(0.01, -0.2), at(0.8, -0.22), at(0.98, -0.17), at(1.0, -0.04)];
    let middle = foot - 0.12 * length;
    canvas.fill(&[body], 1.0, |_, y| shade(color, 1.0 - 1.6 * (y - middle) / length));
    for wheel in [0.2, 0.8] {
        canvas.flat(ellipse(at(wheel, -0.03), [0.085 * length; 2]), [30.0, 30.0, 32.0]);
        canvas.flat(ellipse(at(wheel, -0.03), [0.045 * length; 2]), [150.0, 152.0, 156.0]);
    }
    canvas.flat(ellipse(at(0.96, -0.14), [0.025 * length; 2]), [250.0, 240.0, 200.0]);
    canvas.flat(ellipse(at(0.02, -0.15), [0.022 * length; 2]), [206.0, 22.0, 28.0]);
}

fn traffic_light(canvas: &mut Canvas, dice: &mut Dice) {
    let height = dice.between(18.0, 54.0);
    let (x, y) = (dice.between(0.0, canvas.width()), dice.between(0.05, 0.5) * canvas.height());
    pole(canvas, dice, [x, y + height], 400.0, 0.05 * height + 0.6);
    canvas.flat(rectangle(x - 0.19 * height, y, x + 0.19 * height, y + height), [34.0, 36.0, 36.0]);
    let lit = dice.whole(0, 2);
    let lamps: [Color; 3] = [[226.0, 30.0, 26.0], [240.0, 170.0, 20.0], [30.0, 190.0, 110.0]];
    for (index, lamp) in lamps.into_iter().enumerate() {
        let center = [x, y + height * (0.19 + 0.31 * index as f64)];
        canvas.flat(ellipse(center, [0.12 * height; 2]), if index == lit { lamp } else { shade(lamp, 0.3) });
    }
}

/// An advertisement: words on a colored background.
fn board(canvas: &mut Canvas, dice: &mut Dice) {
    let (width, height) = (dice.between(24.0, 90.0), dice.between(14.0, 44.0));
    let (left, top) = (dice.between(-10.0, canvas.width() - 20.0), dice.between(0.1, 0.7) * canvas.height());
    let (ground, ink) = (dice.of(&PAINTS), dice.of(&PAINTS));
    canvas.flat(rectangle(left, top, left + width, top + height), shade(ground, dice.between(0.7, 1.0)));
    let text = dice.of(&["SALE", "CAFE", "HOTEL", "TAXI", "BANK 24h", "Open", "OIL", "Market", "50%", "P"]);
    let scale = (0.85 * width / strokes::width(text)).min(0.7 * height / strokes::CAPITAL_ROWS);
    let place = |[x, y]: Point| {
        let left = left + 0.5 * (width - scale * strokes::width(text));
        [left + scale * x, top + 0.5 * (height - scale * strokes::CAPITAL_ROWS) + scale * y]
    };
    for stroke in strokes::strokes(text) {
        for ends in stroke.windows(2) {
            canvas.flat(capsule(place(ends[0]), place(ends[1]), scale), ink);
        }
    }
}

/// A plain shape in a color of the signs that is not a sign.
fn shape(canvas: &mut Canvas, dice: &mut Dice) {
    let radius = dice.between(6.0, 30.0);
    let center = [dice.between(0.0, canvas.width()), dice.between(0.05, 0.95) * canvas.height()];
    let color = mix(dice.of(&PAINTS), [128.0; 3], dice.between(0.0, 0.35));
    let seed = dice.seed();
    let contour = match dice.whole(0, 3) {
        0 => ellipse(center, [radius, radius * dice.between(0.7, 1.3)]),
        1 => {
            let high = radius * dice.between(0.5, 2.0);
            rectangle(center[0] - radius, center[1] - high, center[0] + radius, center[1] + high)
        }
        _ => {
            let corners = dice.whole(3, 6);
            let mut corner =
                |_| [center[0] + radius * dice.between(-1.2, 1.2), center[1] + radius * dice.between(-1.2, 1.2)];
            (0..corners).map(&mut corner).collect()
        }
    };
    let grain = dice.between(0.0, 0.2);
    canvas.fill(&[contour], 1.0, |x, y| shade(color, 0.95 + grain * noise(seed, 4.0, x, y)));
}

/// Hides part of what is around `center`.
pub(crate) fn occlude(canvas: &mut Canvas, dice: &mut Dice, center: Point, radius: f64) {
    match dice.whole(0, 2) {
        0 => {
            let x = center[0] + radius * dice.between(-0.7, 0.7);
            pole(canvas, dice, [x, -10.0], 600.0, (0.13 * radius).max(1.5));
        }
        1 => {
            let color = leaf_color(dice);
            let side = dice.of(&[-1.0, 1.0]);
            for _ in 0..5 {
                let at =
                    [center[0] + radius * side * dice.between(0.5, 1.3), center[1] + radius * dice.between(-0.9, 0.9)];
                let clump = radius * dice.between(0.22, 0.42);
                foliage(canvas, dice, at, clump, color);
            }
        }
        _ => {
            let color = shade(dice.of(&PAINTS), dice.between(0.6, 1.0));
            let edge = center[1] + radius * dice.between(0.35, 0.7);
            let (left, right) =
                (center[0] - radius * dice.between(0.5, 2.0), center[0] + radius * dice.between(0.5, 2.0));
            canvas.flat(rectangle(left, edge, right, edge + 3.0 * radius), color);
        }
    }
}
