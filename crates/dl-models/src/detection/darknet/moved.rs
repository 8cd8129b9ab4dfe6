//! Layers that only move numbers: `[reorg]`, and the groups of a `[softmax]`.
//!
//! Reference: darknet's `reorg_cpu`, with the shapes that its layers call it with.

use std::sync::Arc;

use crate::checkpoint::darknet::cfg::{Order, Reorg, Shape};
use crate::{Pass, Run, Value};

/// Where each number of an output comes from.
pub(super) struct Moved {
    from: Arc<[u32]>,
    /// Of the output.
    pub(super) shape: Vec<usize>,
}

impl Moved {
    pub(super) fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        pass.rearrange(name, (&self.from, &self.shape), x)
    }
}

/// `[reorg]` and `[reorg3d]`. Both shapes divide by the stride.
pub(super) fn reorganized(&Reorg { stride, order }: &Reorg, input: Shape, output: Shape) -> Moved {
    let from = match order {
        // The input's shape where the output's is meant: hence the mixture.
        Order::Mixed => places(input, stride),
        Order::Cells => places(output, stride),
        Order::Reverse => {
            let to = places(input, stride);
            let mut from = vec![0; to.len()];
            for (index, place) in to.iter().enumerate() {
                from[*place as usize] = index as u32;
            }
            from
        }
    };
    Moved { from: from.into(), shape: output.to_vec() }
}

/// For each number of a map of this shape, its place in the map whose sides are `stride` times as long, where the channels
/// of one of them are the places of a cell.
fn places([channels, height, width]: Shape, stride: usize) -> Vec<u32> {
    let outer = channels / (stride * stride);
    let mut places = Vec::with_capacity(channels * height * width);
    for channel in 0..channels {
        let (to, cell) = (channel % outer, channel / outer);
        for y in 0..height {
            let row = (to * height + y) * stride + cell / stride;
            places.extend((0..width).map(|x| ((row * width + x) * stride + cell % stride) as u32));
        }
    }
    places
}

/// `count` groups of `each` numbers, one after another, as a map with a position for each group.
pub(super) fn groups([count, each]: [usize; 2]) -> Moved {
    let from = (0..each).flat_map(|number| (0..count).map(move |group| (group * each + number) as u32));
    Moved { from: from.collect(), shape: vec![each, count, 1] }
}

/// The reverse of [`groups`], as a map of this shape.
pub(super) fn ungrouped([count, each]: [usize; 2], shape: Shape) -> Moved {
    let from = (0..count).flat_map(|group| (0..each).map(move |number| (number * count + group) as u32));
    Moved { from: from.collect(), shape: shape.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(order: Order, input: Shape, output: Shape) -> Vec<u32> {
        reorganized(&Reorg { stride: 2, order }, input, output).from.to_vec()
    }

    #[test]
    fn the_places_of_a_cell_become_channels() {
        // 2 channels of 2 x 4: the upper left numbers of both cells, channel by channel, then the upper right ones.
        let found = of(Order::Cells, [2, 2, 4], [8, 1, 2]);
        assert_eq!(found, [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]);
        let back = of(Order::Reverse, [8, 1, 2], [2, 2, 4]);
        let both: Vec<u32> = back.iter().map(|place| found[*place as usize]).collect();
        assert_eq!(both, (0..16).collect::<Vec<u32>>());
    }

    #[test]
    fn reorg_mixes_rows_and_channels_as_darknet_does() {
        // darknet's reorg_cpu(x, w=2, h=2, c=4, batch=1, stride=2, forward=0, out), run by hand.
        let found = of(Order::Mixed, [4, 2, 2], [16, 1, 1]);
        assert_eq!(found, [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]);
    }

    #[test]
    fn groups_are_positions_and_return() {
        let (there, back) = (groups([2, 3]), ungrouped([2, 3], [6, 1, 1]));
        assert_eq!(there.from[..], [0, 3, 1, 4, 2, 5]);
        let both: Vec<u32> = back.from.iter().map(|place| there.from[*place as usize]).collect();
        assert_eq!((both, back.shape), ((0..6).collect(), vec![6, 1, 1]));
    }
}
