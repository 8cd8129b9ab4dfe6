//! Rasterizes shapes with antialiasing, for labels, charts and drawn test images.
//!
//! Coordinates are continuous: pixel (x, y) is the square from (x, y) to (x+1, y+1). Only addition, multiplication,
//! division and square root are used, which IEEE 754 rounds identically everywhere, so a drawing is the same on every
//! machine.

/// A point (x, y) in pixels.
pub type Point = [f64; 2];

/// Horizontal strips per row of pixels; the coverage is exact inside a strip.
const STRIPS: u32 = 5;

/// Calls `each(x, y, coverage)` for the pixels of a `size` = (width, height) image that the closed contours cover,
/// with coverage above 0 and up to 1. Where contours overlap, every second layer is a hole.
pub fn fill(contours: &[Vec<Point>], size: (u32, u32), mut each: impl FnMut(u32, u32, f32)) {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let rows = range(contours.iter().flatten().map(|point| point[1]), height);
    let mut coverage = vec![0.0_f64; size.0 as usize];
    let mut crossings = Vec::new();
    for y in rows {
        coverage.fill(0.0);
        for strip in 0..STRIPS {
            let at = f64::from(y) + (f64::from(strip) + 0.5) / f64::from(STRIPS);
            crossings.clear();
            for contour in contours {
                for (index, [x1, y1]) in contour.iter().enumerate() {
                    let [x2, y2] = contour[(index + 1) % contour.len()];
                    if (*y1 <= at) != (y2 <= at) {
                        crossings.push((x1 + (at - y1) / (y2 - y1) * (x2 - x1)).clamp(0.0, width));
                    }
                }
            }
            crossings.sort_by(f64::total_cmp);
            for pair in crossings.as_chunks::<2>().0 {
                cover(&mut coverage, pair[0], pair[1]);
            }
        }
        for (x, covered) in (0..).zip(&coverage) {
            if *covered > 0.0 {
                each(x, y, (covered / f64::from(STRIPS)).min(1.0) as f32);
            }
        }
    }
}

/// Adds to each pixel of a row the length of its intersection with [from, to].
fn cover(row: &mut [f64], from: f64, to: f64) {
    let last = (to.ceil() as usize).min(row.len());
    for (x, covered) in row.iter_mut().enumerate().take(last).skip(from as usize) {
        *covered += to.min(x as f64 + 1.0) - from.max(x as f64);
    }
}

/// Calls `each(x, y, coverage)` for the pixels under a line of `thickness` pixels with round caps and joins through
/// `points`; one point makes a dot. No pixel is visited twice.
pub fn stroke(points: &[Point], thickness: f64, size: (u32, u32), mut each: impl FnMut(u32, u32, f32)) {
    let reach = 0.5 * thickness + 0.5;
    let around = |values: &mut dyn Iterator<Item = f64>, limit: u32| {
        range(values.flat_map(|value| [value - reach, value + reach]), f64::from(limit))
    };
    let columns = around(&mut points.iter().map(|point| point[0]), size.0);
    let rows = around(&mut points.iter().map(|point| point[1]), size.1);
    let width = columns.len();
    let mut coverage = vec![0.0_f64; width * rows.len()];
    let ends = points.windows(2).map(|pair| (pair[0], pair[1]));
    let dot = points.first().filter(|_| points.len() == 1).map(|point| (*point, *point));
    for (a, b) in ends.chain(dot) {
        for y in around(&mut [a[1], b[1]].into_iter(), size.1) {
            for x in around(&mut [a[0], b[0]].into_iter(), size.0) {
                let distance = distance([f64::from(x) + 0.5, f64::from(y) + 0.5], a, b);
                let slot = &mut coverage[(y - rows.start) as usize * width + (x - columns.start) as usize];
                *slot = slot.max((reach - distance).clamp(0.0, 1.0));
            }
        }
    }
    for (y, row) in rows.zip(coverage.chunks(width.max(1))) {
        for (x, covered) in columns.clone().zip(row) {
            if *covered > 0.0 {
                each(x, y, *covered as f32);
            }
        }
    }
}

/// The integers between the smallest and the largest of `values` that are in 0..limit.
fn range(values: impl Iterator<Item = f64>, limit: f64) -> std::ops::Range<u32> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let start = low.clamp(0.0, limit).floor() as u32;
    start..(high.clamp(0.0, limit).ceil() as u32).max(start)
}

/// The distance from `point` to the segment `a` - `b`.
fn distance(point: Point, a: Point, b: Point) -> f64 {
    let (along, from) = ([b[0] - a[0], b[1] - a[1]], [point[0] - a[0], point[1] - a[1]]);
    let length = along[0] * along[0] + along[1] * along[1];
    let at = if length > 0.0 { ((from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (dx, dy) = (from[0] - at * along[0], from[1] - at * along[1]);
    (dx * dx + dy * dy).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(contours: &[Vec<Point>]) -> f64 {
        let mut sum = 0.0;
        fill(contours, (40, 30), |_, _, coverage| sum += f64::from(coverage));
        sum
    }

    fn rectangle(x1: f64, y1: f64, x2: f64, y2: f64) -> Vec<Point> {
        vec![[x1, y1], [x2, y1], [x2, y2], [x1, y2]]
    }

    #[test]
    fn the_total_coverage_of_a_shape_is_its_area() {
        assert!((area(&[rectangle(3.25, 4.0, 17.5, 9.0)]) - 14.25 * 5.0).abs() < 1e-4);
        assert!((area(&[vec![[1.0, 1.0], [31.0, 1.0], [1.0, 21.0]]]) - 300.0).abs() < 0.5);
        let hole = [rectangle(2.0, 2.0, 12.0, 12.0), rectangle(4.0, 4.0, 8.0, 8.0)];
        assert!((area(&hole) - 84.0).abs() < 1e-4);
    }

    #[test]
    fn parts_outside_the_image_are_ignored() {
        assert!((area(&[rectangle(-100.0, -100.0, 500.0, 10.0)]) - 400.0).abs() < 1e-3);
        assert_eq!(area(&[rectangle(50.0, 3.0, 60.0, 5.0)]), 0.0);
        assert_eq!(area(&[vec![]]), 0.0);
        stroke(&[[-9.0, -9.0], [-5.0, -9.0]], 2.0, (40, 30), |_, _, _| panic!("nothing is inside"));
    }

    #[test]
    fn a_line_through_pixel_centers_is_crisp() {
        let mut pixels = Vec::new();
        stroke(&[[2.5, 3.5], [5.5, 3.5]], 1.0, (40, 30), |x, y, coverage| pixels.push((x, y, coverage)));
        assert_eq!(pixels, [(2, 3, 1.0), (3, 3, 1.0), (4, 3, 1.0), (5, 3, 1.0)]);
    }
}
