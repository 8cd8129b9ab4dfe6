//! Finds, among many boxes, those that can overlap a given one by more than a threshold, without looking at the rest.
//!
//! An IoU above t binds two boxes of widths a and b whose overlap is w wide by w > t * max(a, b), and so for the heights.
//! Hence
//!
//! - neither is wider than 1 / t times the other: boxes are kept apart by the powers of two between which their width and
//!   height lie (a *level*), and only the levels within that ratio are looked at;
//! - their centres lie less than (a + b) / 2 - t * max(a, b) apart: a level is a grid of cells as large as its boxes,
//!   with each box in the cell of its centre, and only the cells within that reach are looked at.
//!
//! The cells of all levels are chains in one hash table. The caller compares what a chain holds exactly, so that cells
//! that share a chain cost time, never truth. Boxes that overlap each other by no more than t and have a like size are
//! few to a cell, whatever the input. Where more cells are in reach than a level has boxes (a giant box over tiny ones,
//! thresholds near 0), the boxes of the level are gone through instead.

use std::ops::Range;

use dl_record::BBox;

/// Ends a chain.
const NONE: u32 = u32::MAX;

/// So few boxes are gone through one by one.
const FEW: usize = 12;

/// A relative slack, so that rounding here loses no box that the exact comparison would find.
const SLACK: f64 = 1e-9;

/// A smaller area may have lost digits (subnormal numbers), so that the ratio of two says nothing.
const LEAST_EXACT_AREA: f64 = 1e-290;

/// Boxes, to be found by place and size.
pub(super) struct Grid {
    entries: Vec<Entry>,
    /// None where there will be few boxes.
    index: Option<Index>,
}

/// A box in the grid.
pub(super) struct Entry {
    pub(super) bbox: BBox,
    /// The box's area, above 0.
    pub(super) area: f64,
    /// What the caller calls it.
    pub(super) id: usize,
    /// The entries that follow in the chains of its cell and of its level.
    next: [u32; 2],
}

/// Which of an entry's chains.
#[derive(Clone, Copy)]
enum Chain {
    Cell,
    Level,
}

/// Whether a box can overlap any other: its area is neither 0 nor too great for a number.
pub(super) fn can_overlap(area: f64) -> bool {
    area > 0.0 && area < f64::INFINITY
}

impl Entry {
    /// The intersection over union with a box of this area, to the last bit that of [`iou`](super::super::iou).
    #[inline]
    pub(super) fn iou(&self, bbox: &BBox, area: f64) -> f64 {
        // None of the edges is NaN.
        let lesser = |a: f64, b: f64| if a < b { a } else { b };
        let greater = |a: f64, b: f64| if a > b { a } else { b };
        let width = lesser(self.bbox.x2, bbox.x2) - greater(self.bbox.x1, bbox.x1);
        let height = lesser(self.bbox.y2, bbox.y2) - greater(self.bbox.y1, bbox.y1);
        let intersection = greater(width, 0.0) * greater(height, 0.0);
        if intersection <= 0.0 {
            return 0.0;
        }
        intersection / (self.area + area - intersection)
    }
}

impl Grid {
    /// An empty grid for no other than these boxes, where those are to be found that overlap by more than `threshold`,
    /// from 0 to 1.
    pub(super) fn new(boxes: &[BBox], threshold: f64) -> Self {
        let index = (boxes.len() > 4 * FEW).then(|| Index::new(boxes, threshold));
        Self { entries: Vec::new(), index }
    }

    /// The box must be one that [`can_overlap`] others.
    pub(super) fn insert(&mut self, bbox: &BBox, area: f64, id: usize) {
        let next = match &mut self.index {
            Some(index) => index.insert(self.entries.len() as u32, bbox),
            None => [NONE; 2],
        };
        self.entries.push(Entry { bbox: *bbox, area, id, next });
    }

    /// Shows `visit` every box in the grid whose overlap with `bbox`, of this area, may be above the threshold, some
    /// others, and some twice, in no particular order, until it returns true; whether it did.
    #[inline]
    pub(super) fn search(&mut self, bbox: &BBox, area: f64, visit: impl FnMut(&Entry) -> bool) -> bool {
        match &mut self.index {
            Some(index) if self.entries.len() > FEW => index.search(&self.entries, bbox, area, visit),
            _ => self.entries.iter().any(visit),
        }
    }
}

/// The chains by cell and by level.
struct Index {
    /// Overlap above which boxes are to be found, less some slack.
    threshold: f64,
    /// Left and top of all centres.
    origin: [f64; 2],
    /// The levels of widths and of heights.
    axes: [Axis; 2],
    /// The first entry of each chain: first the cells' hash table, then the levels, those of a width together.
    heads: Vec<u32>,
    cells: usize,
    /// For each chain of cells, the entry at which the last search for a box in one of them stopped: it is shown first to
    /// the next, for around an object one box suppresses most.
    hints: Vec<u32>,
    /// How far a hash is shifted down to be the number of a cell's chain.
    shift: u32,
    /// How many entries are in each level's chain.
    counts: Vec<u32>,
}

/// The first and the last; the first is the greater when there are none.
type Cells = (u64, u64);

/// The levels of the boxes' extent along x or y.
struct Axis {
    /// For each exponent, how many levels have a lower one.
    below: [u16; EXPONENTS + 1],
    levels: Vec<Level>,
}

const EXPONENTS: usize = 2048;

/// For how many levels of heights at a time the search works out the cells.
const ROWS: usize = 8;

/// Sides from `least` up to twice as much.
struct Level {
    least: f64,
    most: f64,
    /// Cells a pixel.
    density: f64,
}

/// The power of two of a number from 0, counted from that of the least.
fn exponent(side: f64) -> usize {
    (side.to_bits() >> 52) as usize % EXPONENTS
}

/// In halves, so that it is finite when the edges are.
fn center(bbox: &BBox) -> [f64; 2] {
    [0.5 * bbox.x1 + 0.5 * bbox.x2, 0.5 * bbox.y1 + 0.5 * bbox.y2]
}

impl Index {
    fn new(boxes: &[BBox], threshold: f64) -> Self {
        let mut present = [[false; EXPONENTS]; 2];
        let mut origin = [f64::MAX; 2];
        let bits = (2 * boxes.len()).ilog2() + 1;
        for bbox in boxes.iter().filter(|bbox| can_overlap(bbox.area())) {
            let center = center(bbox);
            for (axis, side) in [bbox.width(), bbox.height()].into_iter().enumerate() {
                present[axis][exponent(side)] = true;
                origin[axis] = origin[axis].min(center[axis]);
            }
        }
        // The higher the threshold, the shorter the reach.
        let cell = (1.5 * (1.0 - threshold)).clamp(0.125, 1.0);
        let axes = present.map(|present| Axis::new(&present, cell));
        let (cells, levels) = (1 << bits, axes[0].levels.len() * axes[1].levels.len());
        Self {
            threshold: if threshold < 1e-12 { 0.0 } else { threshold * (1.0 - SLACK) },
            origin,
            axes,
            heads: vec![NONE; cells + levels],
            cells,
            hints: vec![NONE; cells],
            shift: u64::BITS - bits,
            counts: vec![0; levels],
        }
    }

    /// Puts the entry that is about to get this number in front of its chains; what it pushes back is returned.
    fn insert(&mut self, number: u32, bbox: &BBox) -> [u32; 2] {
        let (level, chain) = self.place(bbox);
        self.counts[level] += 1;
        [chain, self.cells + level].map(|head| std::mem::replace(&mut self.heads[head], number))
    }

    /// The level of a box and the chain of its cell.
    fn place(&self, bbox: &BBox) -> (usize, usize) {
        let [column, row] = [self.axes[0].level(bbox.width()), self.axes[1].level(bbox.height())];
        let center = center(bbox);
        let cell = |axis: usize, level: usize| self.axes[axis].levels[level].cell(center[axis] - self.origin[axis]);
        let level = column * self.axes[1].levels.len() + row;
        (level, self.chain(level, cell(0, column), cell(1, row)))
    }

    /// The chain of a cell.
    #[inline]
    fn chain(&self, level: usize, x: u64, y: u64) -> usize {
        // Multiples of irrational fractions of 2^64 spread evenly.
        let hash = (x.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_add(y.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
            .wrapping_add((level as u64).wrapping_mul(0x1656_67B1_9E37_79F9));
        (hash >> self.shift) as usize
    }

    #[inline]
    fn search(&mut self, entries: &[Entry], bbox: &BBox, area: f64, mut visit: impl FnMut(&Entry) -> bool) -> bool {
        let hint = self.place(bbox).1;
        if entries.get(self.hints[hint] as usize).is_some_and(&mut visit) {
            return true;
        }
        let stopper = self.find(entries, bbox, area, visit);
        if let Some(stopper) = stopper {
            self.hints[hint] = stopper;
        }
        stopper.is_some()
    }

    /// The number of the entry at which `visit` returned true.
    fn find(&self, entries: &[Entry], bbox: &BBox, area: f64, mut visit: impl FnMut(&Entry) -> bool) -> Option<u32> {
        let threshold = if area < LEAST_EXACT_AREA { 0.0 } else { self.threshold };
        let (center, sides) = (center(bbox), [bbox.width(), bbox.height()]);
        let [columns, rows] = [0, 1].map(|axis| self.axes[axis].within(sides[axis], threshold));
        let cells = |axis: usize, level: usize| {
            self.axes[axis].levels[level].cells(center[axis], self.origin[axis], sides[axis], threshold)
        };
        if columns.len().saturating_mul(rows.len()) > entries.len() {
            return entries.iter().position(visit).map(|number| number as u32);
        }
        let mut walk = |head: usize, chain: Chain| {
            let mut number = self.heads[head];
            while number != NONE {
                let entry = &entries[number as usize];
                if visit(entry) {
                    break;
                }
                number = entry.next[chain as usize];
            }
            Some(number).filter(|number| *number != NONE)
        };
        for rows in (rows.clone().step_by(ROWS)).map(|first| first..rows.end.min(first + ROWS)) {
            let mut cells_of_rows = [(1, 0); ROWS];
            cells_of_rows.iter_mut().zip(rows.clone()).for_each(|(stretch, row)| *stretch = cells(1, row));
            for column in columns.clone() {
                let (left, right) = cells(0, column);
                for (row, &(top, bottom)) in rows.clone().zip(&cells_of_rows) {
                    let level = column * self.axes[1].levels.len() + row;
                    let count = u64::from(self.counts[level]);
                    if count == 0 || left > right || top > bottom {
                        continue;
                    }
                    if (right - left).saturating_add(1).saturating_mul((bottom - top).saturating_add(1)) > count {
                        let stopper = walk(self.cells + level, Chain::Level);
                        if stopper.is_some() {
                            return stopper;
                        }
                        continue;
                    }
                    for y in top..=bottom {
                        for x in left..=right {
                            let stopper = walk(self.chain(level, x, y), Chain::Cell);
                            if stopper.is_some() {
                                return stopper;
                            }
                        }
                    }
                }
            }
        }
        None
    }
}

impl Axis {
    fn new(present: &[bool; EXPONENTS], cell: f64) -> Self {
        let mut below = [0; EXPONENTS + 1];
        let mut levels = Vec::new();
        for (exponent, present) in present.iter().enumerate() {
            if *present {
                let least = f64::from_bits((exponent as u64) << 52);
                let most = (2.0 * least).clamp(f64::MIN_POSITIVE, f64::MAX);
                levels.push(Level { least, most, density: 1.0 / (cell * most) });
            }
            below[exponent + 1] = levels.len() as u16;
        }
        Self { below, levels }
    }

    fn level(&self, side: f64) -> usize {
        self.below[exponent(side)].into()
    }

    /// The levels in which a side can have at least `threshold` times the length of `side` and the other way round.
    fn within(&self, side: f64, threshold: f64) -> Range<usize> {
        let most = if threshold > 0.0 { side / threshold } else { f64::INFINITY };
        self.level(threshold * side)..self.below[exponent(most) + 1].into()
    }
}

impl Level {
    /// The cells in which the centre of a side of this level lies when it shares more than `threshold` times the longer
    /// with a side of this length around `center`.
    #[inline]
    fn cells(&self, center: f64, origin: f64, side: f64, threshold: f64) -> Cells {
        let beyond_half = threshold - 0.5;
        let longer = if beyond_half > 0.0 { self.least } else { self.most }.max(side);
        let reach = 0.5 * self.most.min(side) - beyond_half * longer;
        let slack = SLACK * self.most.max(side) + 8.0 * f64::EPSILON * (center.abs() + origin.abs());
        if reach + slack < 0.0 {
            return (1, 0);
        }
        (self.cell(center - (reach + slack) - origin), self.cell(center + (reach + slack) - origin))
    }

    /// The cell so far from the origin.
    #[inline]
    fn cell(&self, distance: f64) -> u64 {
        // The cast saturates: what is left of the origin belongs to the first cell, and nothing lies there.
        (distance * self.density) as u64
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::super::iou;
    use super::*;

    /// How many boxes a search looks at, on average, when those that overlap no kept one by more than `threshold` stay.
    fn looks(boxes: &[BBox], threshold: f64) -> f64 {
        let mut grid = Grid::new(boxes, threshold);
        let mut looks = 0;
        for (id, bbox) in boxes.iter().enumerate() {
            let covered = grid.search(bbox, bbox.area(), |kept| {
                looks += 1;
                iou(&kept.bbox, bbox) > threshold
            });
            if !covered {
                grid.insert(bbox, bbox.area(), id);
            }
        }
        f64::from(looks) / boxes.len() as f64
    }

    #[test]
    fn few_boxes_are_looked_at_whatever_the_input() {
        let mut rng = dl_record::rng(0, "looks");
        let around = |x: f64, y: f64, width: f64, height: f64| BBox::new(x, y, x + width, y + height);
        let mut check = |name: &str, draw: &mut dyn FnMut(usize, &mut rand_chacha::ChaCha8Rng) -> BBox| {
            let boxes: Vec<BBox> = (0..8000).map(|index| draw(index, &mut rng)).collect();
            for threshold in [0.0, 0.3, 0.5, 0.9] {
                let looks = looks(&boxes, threshold);
                assert!(looks < 160.0, "{name}, {threshold}: {looks} boxes");
            }
        };
        check("all the same", &mut |_, _| around(3.0, 4.0, 20.0, 10.0));
        check("side by side", &mut |index, _| around((index % 90 * 10) as f64, (index / 90 * 10) as f64, 9.0, 9.0));
        check("one giant", &mut |index, rng| match index {
            500 => around(-1e6, -1e6, 3e6, 3e6),
            _ => around(rng.random_range(0.0..2e3), rng.random_range(0.0..2e3), 8.0, 8.0),
        });
        check("elongated", &mut |index, rng| {
            let (x, y) = (rng.random_range(0.0..1e3), rng.random_range(0.0..1e3));
            if index % 2 == 0 { around(x, y, 900.0, 1.0) } else { around(x, y, 1.0, 900.0) }
        });
        check("far away", &mut |_, rng| {
            around(1e12 + rng.random_range(0.0..1e3), -1e12 - rng.random_range(0.0..1e3), 20.0, 20.0)
        });
        check("of every size", &mut |_, rng| {
            let size = 2_f64.powf(rng.random_range(0.0..10.0));
            around(rng.random_range(0.0..2e3), rng.random_range(0.0..2e3), size, size * rng.random_range(0.3..3.0))
        });
    }
}
