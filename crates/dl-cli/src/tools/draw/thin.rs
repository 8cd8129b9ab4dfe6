//! Reducing points to those that a chart can show.

use std::collections::HashSet;

/// The points of a line, at most four for each of `columns` columns of pixels: the first, lowest, highest and last, which
/// make the same drawing. `column` returns the column of an x.
pub(super) fn thinned(points: &[(f64, f64)], columns: u32, column: impl Fn(f64) -> i32) -> Vec<(f64, f64)> {
    if points.len() <= 4 * columns as usize {
        return points.to_vec();
    }
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut thinned = Vec::new();
    for same in sorted.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let ends = [0, same.len() - 1];
        let by_height = |a: &usize, b: &usize| same[*a].1.total_cmp(&same[*b].1);
        let mut kept: Vec<usize> = ends
            .into_iter()
            .chain((0..same.len()).min_by(by_height))
            .chain((0..same.len()).max_by(by_height))
            .collect();
        kept.sort_unstable();
        kept.dedup();
        thinned.extend(kept.into_iter().map(|index| same[index]));
    }
    thinned
}

/// One point for each value of `place`.
pub(super) fn distinct(points: &[(f64, f64)], place: impl Fn(&(f64, f64)) -> (i32, i32)) -> Vec<(f64, f64)> {
    let mut seen = HashSet::new();
    points.iter().filter(|point| seen.insert(place(point))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_survive_and_few_points_stay_as_they_are() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|at| (f64::from(at), f64::from(at % 7))).collect();
        points[4321].1 = 1e9;
        let thin = thinned(&points, 100, |x| (x / 1000.0) as i32);
        assert!(thin.len() <= 400 && thin.contains(&points[4321]), "{}", thin.len());
        assert!(thin.is_sorted_by(|a, b| a.0 <= b.0));
        assert_eq!(thinned(&points[..300], 100, |x| x as i32), points[..300]);
        assert_eq!(distinct(&points[..300], |(_, y)| (0, *y as i32)).len(), 7);
    }
}
