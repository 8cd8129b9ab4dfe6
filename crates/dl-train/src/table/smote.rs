//! More rows of a rare class, between neighbors of it (Chawla et al. 2002, SMOTE; section 6.1, SMOTE-NC, for
//! categories).

use rand::RngExt;

use dl_transfer::dot;

/// Neighbors of a row that others are made with.
const NEIGHBORS: usize = 5;

/// `count` new rows between `rows` [n, columns] of one class and one of their five nearest neighbors, at a random place on
/// the way. What is not a number in `numbers` is taken from the nearer of the two.
pub fn smote(rows: &[f32], columns: usize, numbers: &[bool], count: usize, seed: u64) -> Vec<f32> {
    let n = rows.len() / columns.max(1);
    if n < 2 || columns == 0 {
        return rows.iter().copied().cycle().take(if n == 0 { 0 } else { count * columns }).collect();
    }
    let scaled = scaled(rows, columns);
    let mut made = Vec::with_capacity(count * columns);
    let mut known: Vec<Option<Vec<usize>>> = vec![None; n];
    for index in 0..count {
        let mut rng = dl_record::rng(seed, &format!("smote/{index}"));
        let from = if count >= n { index % n } else { rng.random_range(0..n) };
        let neighbors = known[from].get_or_insert_with(|| nearest(&scaled, columns, from));
        let to = neighbors[rng.random_range(0..neighbors.len())];
        let part: f32 = rng.random();
        for column in 0..columns {
            let (a, b) = (rows[from * columns + column], rows[to * columns + column]);
            made.push(match numbers.get(column) {
                Some(false) => {
                    if part < 0.5 {
                        a
                    } else {
                        b
                    }
                }
                _ => a + part * (b - a),
            });
        }
    }
    made
}

/// The rows with a deviation of 1 in each column.
fn scaled(rows: &[f32], columns: usize) -> Vec<f64> {
    let n = (rows.len() / columns) as f64;
    let mut factors = vec![1.0; columns];
    for (column, factor) in factors.iter_mut().enumerate() {
        let values = || rows.iter().skip(column).step_by(columns).map(|value| f64::from(*value));
        let mean = values().sum::<f64>() / n;
        let deviation = (values().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
        *factor = if deviation.is_normal() { 1.0 / deviation } else { 1.0 };
    }
    rows.iter().enumerate().map(|(place, value)| f64::from(*value) * factors[place % columns]).collect()
}

fn nearest(rows: &[f64], columns: usize, from: usize) -> Vec<usize> {
    let own = &rows[from * columns..][..columns];
    let distance = |row: &[f64]| dot(row, row) - 2.0 * dot(row, own);
    let mut others: Vec<(f64, usize)> = rows
        .chunks_exact(columns)
        .enumerate()
        .filter(|(index, _)| *index != from)
        .map(|(index, row)| (distance(row), index))
        .collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    others.into_iter().take(NEIGHBORS).map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_rows_are_between_neighbors() {
        // Two clusters, far apart, whose categories differ.
        let rows: Vec<f32> = (0..20)
            .flat_map(|row| {
                let far = if row < 10 { 0.0 } else { 100.0 };
                [far + row as f32 / 10.0, if row < 10 { 0.0 } else { 1.0 }]
            })
            .collect();
        let made = smote(&rows, 2, &[true, false], 50, 3);
        assert_eq!(made.len(), 100);
        for row in made.chunks_exact(2) {
            let range = if row[1] == 0.0 { 0.0..=0.9 } else { 101.0..=101.9 };
            assert!(range.contains(&row[0]), "{row:?}");
        }
        assert_eq!(made, smote(&rows, 2, &[true, false], 50, 3));
        assert_ne!(made, smote(&rows, 2, &[true, false], 50, 4));
        assert_eq!(smote(&rows[..2], 2, &[true, false], 2, 0), [0.0, 0.0, 0.0, 0.0]);
    }
}
