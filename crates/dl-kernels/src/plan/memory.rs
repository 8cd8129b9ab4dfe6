//! Allocates working memory for every map, from the step that writes it to the last that reads it.

/// A map that needs memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// Size in numbers.
    pub(super) size: usize,
    /// The step that writes it first.
    pub(super) from: usize,
    /// The last step that reads it.
    pub(super) to: usize,
}

/// The offset of each, and the total size. Each gets the lowest offset that is free during its lifetime, the largest
/// first.
pub(super) fn places(maps: &[Lifetime]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..maps.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(maps[*index].size));
    let mut starts = vec![0; maps.len()];
    let mut placed: Vec<usize> = Vec::new();
    for index in order {
        let map = maps[index];
        let mut neighbors: Vec<usize> = placed.clone();
        neighbors.retain(|other| maps[*other].from <= map.to && map.from <= maps[*other].to);
        neighbors.sort_by_key(|other| starts[*other]);
        let mut start = 0;
        for other in neighbors {
            if start + map.size <= starts[other] {
                break;
            }
            start = start.max(starts[other] + maps[other].size);
        }
        starts[index] = start;
        placed.push(index);
    }
    let end = starts.iter().zip(maps).map(|(start, map)| start + map.size).max().unwrap_or(0);
    (starts, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_live_at_the_same_time_do_not_overlap() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % below) as usize
        };
        for _ in 0..100 {
            let maps: Vec<Lifetime> = (0..20)
                .map(|_| {
                    let from = draw(30);
                    Lifetime { size: 16 * draw(10), from, to: from + draw(6) }
                })
                .collect();
            let (starts, end) = places(&maps);
            for (a, (start_a, map_a)) in starts.iter().zip(&maps).enumerate() {
                assert!(start_a + map_a.size <= end);
                for (start_b, map_b) in starts.iter().zip(&maps).skip(a + 1) {
                    let together = map_a.from <= map_b.to && map_b.from <= map_a.to;
                    let apart = start_a + map_a.size <= *start_b || start_b + map_b.size <= *start_a;
                    assert!(!together || apart || map_a.size == 0 || map_b.size == 0);
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_locations() {
        let maps: Vec<_> = (0..10).map(|step| Lifetime { size: 100, from: step, to: step + 1 }).collect();
        assert_eq!(places(&maps).1, 200);
    }
}
