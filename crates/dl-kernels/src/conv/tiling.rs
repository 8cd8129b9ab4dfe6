//! Splits a row of positions and the blocks of a layer into calls of the micro-kernel.

use crate::simd::{LANES, Level};
use crate::tile::{Along, TileFn};

/// Weight size of one group: what stays in a core's second-level cache beside the map.
const WEIGHT: usize = 1 << 17;

/// Blocks that are computed together, and the pieces of a row.
#[derive(Clone)]
pub(crate) struct Tiling {
    /// The row's pieces for full groups of blocks, and for the remainder.
    groups: Vec<Group>,
}

/// Blocks that are in registers together.
#[derive(Clone)]
pub(crate) struct Group {
    /// The first block.
    pub(crate) first: usize,
    pub(crate) blocks: usize,
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a row.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) first: usize,
    pub(crate) kernel: TileFn,
}

impl Tiling {
    /// The fastest tiling of a row of `width` positions in `blocks` blocks, as sums of `k` products.
    pub(crate) fn new(level: Level, width: usize, blocks: usize, k: usize) -> Self {
        Self::along(level, Along::Channels, width, blocks, k)
    }

    /// The same for either order of the input.
    pub(crate) fn along(level: Level, along: Along, width: usize, blocks: usize, k: usize) -> Self {
        let fits = |side_by_side: &usize| *side_by_side == 1 || side_by_side * k * LANES <= WEIGHT;
        let most = (1..=4).filter(|side_by_side| level.tile(1, *side_by_side).is_some()).filter(fits);
        let best = most.min_by_key(|side_by_side| cost(level, width, blocks, *side_by_side)).unwrap_or(1);
        let groups = (0..blocks).step_by(best).map(|first| {
            let blocks = best.min(blocks - first);
            Group { first, blocks, pieces: pieces(level, along, width, blocks) }
        });
        Self { groups: groups.collect() }
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }
}

/// The most positions that fit in registers with this number of blocks.
fn widest(level: Level, blocks: usize) -> usize {
    (1..=16).take_while(|places| level.tile(*places, blocks).is_some()).last().unwrap_or(1)
}

/// Pieces of nearly equal length.
fn cut(level: Level, width: usize, blocks: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = width.div_ceil(widest(level, blocks)).max(1);
    (0..count).map(move |piece| {
        let (start, end) = (piece * width / count, (piece + 1) * width / count);
        (start, end - start)
    })
}

fn pieces(level: Level, along: Along, width: usize, blocks: usize) -> Vec<Piece> {
    let known = cut(level, width, blocks).filter_map(|(first, places)| {
        // `cut` returns only supported sizes.
        level.tile_along(along, places, blocks).map(|kernel| Piece { first, kernel })
    });
    known.collect()
}

/// Half cycles for one k: two multiply-adds or two loads per cycle, and a latency of four cycles for multiply-adds on
/// the same sum.
fn cost(level: Level, width: usize, blocks: usize, side_by_side: usize) -> usize {
    let row = |blocks: usize| -> usize {
        let tile = |places: usize| (places * blocks).max(places + blocks).max(8) + 1;
        cut(level, width, blocks).map(|(_, places)| tile(places)).sum()
    };
    let rest = blocks % side_by_side;
    blocks / side_by_side * row(side_by_side) + if rest > 0 { row(rest) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_of_every_block_is_in_one_tile() {
        for level in Level::available() {
            for width in [1, 2, 7, 8, 13, 14, 15, 27, 28, 29, 56, 111] {
                for blocks in 1..10 {
                    let tiling = Tiling::new(level, width, blocks, 64);
                    let computed: usize = tiling.groups().iter().map(|group| group.blocks).sum();
                    assert_eq!(computed, blocks);
                    for group in tiling.groups() {
                        let covered: usize = cut(level, width, group.blocks).map(|(_, places)| places).sum();
                        assert_eq!((covered, group.pieces.len()), (width, cut(level, width, group.blocks).count()));
                    }
                }
            }
        }
    }
}
