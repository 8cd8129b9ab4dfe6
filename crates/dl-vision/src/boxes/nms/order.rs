//! Sorts boxes by class and score.

/// Up to this many boxes are sorted faster by comparing.
const FEW: usize = 256;

/// The indices of scores from `least` on: class by class, within a class by descending score, ties by index.
pub(super) fn by_class_and_score(scores: &[f64], classes: &[usize], least: Option<f64>) -> Vec<usize> {
    let mut keys: Vec<Key> = (scores.iter().enumerate())
        .filter(|(_, score)| least.is_none_or(|least| **score >= least))
        .map(|(index, score)| Key { falling: falling(*score), index })
        .collect();
    if keys.len() <= FEW {
        keys.sort_unstable_by_key(|key| (key.falling, key.index));
    } else {
        sort_by_digits(&mut keys);
    }
    let mut order: Vec<usize> = keys.into_iter().map(|key| key.index).collect();
    // Stable, and one pass for a single class.
    order.sort_by_key(|&index| classes[index]);
    order
}

#[derive(Clone, Copy, Default)]
struct Key {
    falling: u64,
    index: usize,
}

/// A number that decreases as the score increases in the order of `f64::total_cmp`.
fn falling(score: f64) -> u64 {
    let bits = score.to_bits();
    if bits >> 63 == 0 { !bits & !(1 << 63) } else { bits }
}

/// Least significant digit first, a byte at a time: stable. Digits that all keys share are skipped, such as the last
/// ones of scores that were converted from 32 bits.
fn sort_by_digits(keys: &mut Vec<Key>) {
    let mut counts = [[0_usize; 256]; 8];
    for key in keys.iter() {
        for (counts, digit) in counts.iter_mut().zip(key.falling.to_le_bytes()) {
            counts[usize::from(digit)] += 1;
        }
    }
    let mut sorted = vec![Key::default(); keys.len()];
    for (place, next) in counts.iter_mut().enumerate() {
        if next.contains(&keys.len()) {
            continue;
        }
        let mut start = 0;
        for slot in next.iter_mut() {
            start += std::mem::replace(slot, start);
        }
        for key in keys.iter() {
            let slot = &mut next[usize::from(key.falling.to_le_bytes()[place])];
            sorted[*slot] = *key;
            *slot += 1;
        }
        std::mem::swap(keys, &mut sorted);
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn many_scores_are_sorted_as_by_comparing() {
        let mut rng = dl_record::rng(0, "order");
        let special = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN, 5e-324, 1e300];
        for count in [0, 1, FEW, FEW + 1, 3000] {
            let scores: Vec<f64> = (0..count)
                .map(|index| match index % 4 {
                    0 => special[rng.random_range(0..special.len())],
                    1 => f64::from(rng.random_range(0.0..1.0_f32)),
                    2 => f64::from(rng.random_range(-3..3_i32)),
                    _ => rng.random_range(-1e3..1e3),
                })
                .collect();
            let classes: Vec<usize> = (0..count).map(|_| rng.random_range(0..3)).collect();
            for least in [None, Some(-1.0), Some(0.5)] {
                let mut expected: Vec<usize> =
                    (0..count).filter(|&index| least.is_none_or(|least| scores[index] >= least)).collect();
                expected.sort_by(|&a, &b| {
                    classes[a].cmp(&classes[b]).then(scores[b].total_cmp(&scores[a])).then(a.cmp(&b))
                });
                assert_eq!(by_class_and_score(&scores, &classes, least), expected);
            }
        }
    }
}
