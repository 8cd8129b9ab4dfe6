//! Finds the boxes that overlap a given one by more than a threshold, without comparing it with all others.
//!
//! If two boxes of widths a and b have an IoU above t, the width w of their overlap satisfies w > t * max(a, b); the
//! same holds for heights. Hence:
//!
//! - Neither is wider than 1 / t times the other: boxes are grouped by the powers of four of their width and height
//!   (*levels*), and only the levels within that ratio are searched.
//! - Each box intersects the *core* of the other: what is left after t times its width is cut off on both sides (its
//!   center, from t = 1/2 on). A level has a grid of cells as large as its largest boxes, a box is stored in the few
//!   cells that it intersects, and only the cells of the core are searched.
//!
//! The cells of all levels are lists in one hash table, and the boxes of a list are compared exactly, so that a hash
//! collision costs time, not correctness. Few boxes of similar size that overlap each other by at most t fit into a
//! cell, whatever the input. If a core has more cells than the level has boxes (a giant box over tiny ones, thresholds
//! near 0), all boxes of the level are compared instead.
//!
//! Rounding never loses a box: positions are rounded monotonically, and the widths have some slack.

use std::ops::Range;

use dl_record::BBox;

/// Marks the end of a list.
const NONE: u32 = u32::MAX;

/// Up to this many boxes are compared one by one.
const FEW: usize = 12;

/// The relative slack below the threshold.
const SLACK: f64 = 1e-9;

/// A smaller area may have lost digits (subnormal numbers), so that the ratio of two is meaningless.
const LEAST_EXACT_AREA: f64 = 1e-290;

/// Whether a box can overlap any other: its area is neither 0 nor infinite.
pub(super) fn can_overlap(area: f64) -> bool {
    area > 0.0 && area < f64::INFINITY
}

/// Boxes that can be searched by position and size.
pub(super) struct Grid {
    /// The overlap above which boxes are found, minus the slack.
    threshold: f64,
    entries: Vec<Entry>,
    /// `None` for few boxes.
    index: Option<Index>,
}

/// A box in the grid.
struct Entry {
    bbox: BBox,
    area: f64,
    /// The caller's id for it.
    id: u32,
    /// The previous entry in the same level.
    before: u32,
}

/// A box whose overlapping boxes are searched.
struct Query {
    bbox: BBox,
    area: f64,
    threshold: f64,
}

impl Query {
    /// For each of these boxes: false only if its [`iou`](super::super::iou) with this one is at most the threshold, up
    /// to the slack.
    #[inline]
    fn may_overlap<const N: usize>(&self, boxes: [&[f64; N]; 4], areas: &[f64; N]) -> [bool; N] {
        // None of the edges is NaN.
        let lesser = |a: f64, b: f64| if a < b { a } else { b };
        let greater = |a: f64, b: f64| if a > b { a } else { b };
        let [x1, y1, x2, y2] = boxes;
        // Each step runs over all boxes, so that it vectorizes.
        let mut intersections = [0.0; N];
        for (lane, width) in intersections.iter_mut().enumerate() {
            *width = greater(lesser(x2[lane], self.bbox.x2) - greater(x1[lane], self.bbox.x1), 0.0);
        }
        for (lane, intersection) in intersections.iter_mut().enumerate() {
            *intersection *= greater(lesser(y2[lane], self.bbox.y2) - greater(y1[lane], self.bbox.y1), 0.0);
        }
        std::array::from_fn(|lane| {
            intersections[lane] > self.threshold * (areas[lane] + self.area - intersections[lane])
        })
    }

    #[inline]
    fn may_overlap_entry(&self, entry: &Entry) -> bool {
        let BBox { x1, y1, x2, y2 } = entry.bbox;
        let [may] = self.may_overlap([&[x1], &[y1], &[x2], &[y2]], &[entry.area]);
        may
    }
}

impl Grid {
    /// An empty grid for these boxes only, to find overlaps of more than `threshold`, which is from 0 to 1.
    pub(super) fn new(boxes: &[BBox], threshold: f64) -> Self {
        let index = (boxes.len() > 4 * FEW).then(|| Index::new(boxes, threshold));
        let threshold = if threshold < 1e-12 { 0.0 } else { threshold * (1.0 - SLACK) };
        Self { threshold, entries: Vec::new(), index }
    }

    /// The box must be one that [`can_overlap`] others.
    pub(super) fn insert(&mut self, bbox: &BBox, area: f64, id: usize) {
        let number = self.entries.len() as u32;
        let before = self.index.as_mut().map_or(NONE, |index| index.insert(number, bbox, area));
        self.entries.push(Entry { bbox: *bbox, area, id: id as u32, before });
    }

    /// Calls `visit` for every box in the grid whose overlap with `bbox`, of this area, is above the threshold, and for
    /// a few whose overlap is slightly below; for some twice; in no particular order, until it returns true. Returns
    /// whether it did. The box must be one that [`can_overlap`] others.
    #[inline]
    pub(super) fn search(&mut self, bbox: &BBox, area: f64, mut visit: impl FnMut(usize) -> bool) -> bool {
        let threshold = if area < LEAST_EXACT_AREA { 0.0 } else { self.threshold };
        let query = Query { bbox: *bbox, area, threshold };
        let entries = &self.entries;
        let mut meet = |number: u32| visit(entries[number as usize].id as usize);
        match &mut self.index {
            Some(index) if entries.len() > FEW => {
                let hint = index.list_of_center(bbox);
                let hinted = index.hints[hint];
                if entries.get(hinted as usize).is_some_and(|entry| query.may_overlap_entry(entry)) && meet(hinted) {
                    return true;
                }
                let stopper = index.find(entries, &query, meet);
                if let Some(stopper) = stopper {
                    index.hints[hint] = stopper;
                }
                stopper.is_some()
            }
            _ => (0..).zip(entries).any(|(number, entry)| query.may_overlap_entry(entry) && meet(number)),
        }
    }
}

/// How many boxes of a cell are compared at once.
const LANES: usize = 8;

/// Boxes of a cell, side by side for vector instructions.
struct Chunk {
    x1: [f64; LANES],
    y1: [f64; LANES],
    x2: [f64; LANES],
    y2: [f64; LANES],
    areas: [f64; LANES],
    /// Their entries.
    numbers: [u32; LANES],
    count: u32,
    /// The next chunk of the list.
    next: u32,
}

impl Chunk {
    /// Boxes that overlap nothing.
    fn empty(next: u32) -> Self {
        let (first, last) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let (areas, numbers) = ([0.0; LANES], [NONE; LANES]);
        Self { x1: first, y1: first, x2: last, y2: last, areas, numbers, count: 0, next }
    }

    fn push(&mut self, number: u32, bbox: &BBox, area: f64) {
        let lane = self.count as usize;
        (self.x1[lane], self.y1[lane], self.x2[lane], self.y2[lane]) = (bbox.x1, bbox.y1, bbox.x2, bbox.y2);
        (self.areas[lane], self.numbers[lane]) = (area, number);
        self.count += 1;
    }

    /// The number of the box for which `meet` returned true.
    #[inline]
    fn find(&self, query: &Query, mut meet: impl FnMut(u32) -> bool) -> Option<u32> {
        let may_overlap = query.may_overlap([&self.x1, &self.y1, &self.x2, &self.y2], &self.areas);
        if may_overlap == [false; LANES] {
            return None;
        }
        self.numbers.iter().zip(may_overlap).find(|(number, may)| *may && meet(**number)).map(|(number, _)| *number)
    }
}

/// The lists by cell and by level.
struct Index {
    /// The distance of a box's core from its edges, as a fraction of its sides.
    to_core: f64,
    /// The fraction of a box's sides that can be omitted at its edges, because no other box's core is there.
    to_reach: f64,
    /// The levels of widths and of heights.
    axes: [Axis; 2],
    /// The first chunk of each cell's list.
    heads: Vec<u32>,
    /// How far a hash is shifted right to give the number of a list.
    shift: u32,
    chunks: Vec<Chunk>,
    /// For each list, the entry at which the last search around a center in one of its cells stopped. The next search
    /// tries it first, because around an object one box suppresses most others.
    hints: Vec<u32>,
    /// How many entries each level has, and the last of them; the levels of one width are adjacent.
    levels: Vec<(u32, u32)>,
    /// How many lists, chunks and single boxes searches have visited.
    #[cfg(test)]
    looks: std::cell::Cell<usize>,
}

/// The levels of the boxes' extent along x or y.
struct Axis {
    /// For each exponent, how many levels have a lower one.
    below: [u16; EXPONENTS + 1],
    /// For each level, cells per pixel, and the origin in cells.
    levels: Vec<(f64, f64)>,
}

const EXPONENTS: usize = 1024;

/// The power of four of a nonnegative number, relative to the smallest.
fn exponent(side: f64) -> usize {
    (side.to_bits() >> 53) as usize % EXPONENTS
}

/// Both sides of a box: first edge, second edge, and length.
fn extents(bbox: &BBox) -> [(f64, f64, f64); 2] {
    [(bbox.x1, bbox.x2, bbox.width()), (bbox.y1, bbox.y2, bbox.height())]
}

impl Index {
    fn new(boxes: &[BBox], threshold: f64) -> Self {
        let mut present = [[false; EXPONENTS]; 2];
        let mut origin = [f64::INFINITY; 2];
        for bbox in boxes.iter().filter(|bbox| can_overlap(bbox.area())) {
            for (axis, (first, _, length)) in extents(bbox).into_iter().enumerate() {
                present[axis][exponent(length)] = true;
                origin[axis] = origin[axis].min(first);
            }
        }
        // What extends beyond the center of b extends at least (t - 1/2) * b beyond it, and b is at least t * a.
        let to_reach = (threshold - 0.5).max(0.0) * threshold * (1.0 - SLACK);
        let cell = (1.0 - 2.0 * to_reach).max(0.0625);
        let axes = [0, 1].map(|axis| Axis::new(&present[axis], cell, origin[axis]));
        let bits = (2 * boxes.len()).ilog2() + 1;
        Self {
            to_core: threshold.min(0.5) * (1.0 - SLACK),
            to_reach: to_reach * (1.0 - 1e-6),
            heads: vec![NONE; 1 << bits],
            shift: u64::BITS - bits,
            chunks: Vec::new(),
            hints: vec![NONE; 1 << bits],
            levels: vec![(0, NONE); axes[0].levels.len() * axes[1].levels.len()],
            axes,
            #[cfg(test)]
            looks: Default::default(),
        }
    }

    #[cfg(test)]
    fn look(&self, count: usize) {
        self.looks.set(self.looks.get() + count);
    }

    #[cfg(not(test))]
    fn look(&self, _: usize) {}

    /// The list of the cell in which the box's center lies, in the box's own level.
    fn list_of_center(&self, bbox: &BBox) -> usize {
        let mut levels = [0; 2];
        let mut cells = [0; 2];
        for (axis, (first, last, length)) in extents(bbox).into_iter().enumerate() {
            levels[axis] = self.axes[axis].level(length);
            cells[axis] = self.cell(axis, levels[axis], 0.5 * first + 0.5 * last);
        }
        self.list(self.level(levels), cells)
    }

    fn level(&self, [column, row]: [usize; 2]) -> usize {
        column * self.axes[1].levels.len() + row
    }

    /// Monotonic in the position.
    #[inline]
    fn cell(&self, axis: usize, level: usize, place: f64) -> u64 {
        let (density, origin) = self.axes[axis].levels[level];
        // The cast saturates: positions left of the origin belong to the first cell.
        (place * density - origin) as u64
    }

    /// The list of a cell.
    #[inline]
    fn list(&self, level: usize, [x, y]: [u64; 2]) -> usize {
        // Multiples of irrational fractions of 2^64 are spread evenly.
        let hash = (x.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .wrapping_add(y.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
            .wrapping_add((level as u64).wrapping_mul(0x1656_67B1_9E37_79F9));
        (hash >> self.shift) as usize
    }

    /// Adds the entry that is about to get this number to its level and cells. Returns the previous last entry of the
    /// level.
    fn insert(&mut self, number: u32, bbox: &BBox, area: f64) -> u32 {
        let extents = extents(bbox);
        let levels = [0, 1].map(|axis| self.axes[axis].level(extents[axis].2));
        let [columns, rows] = [0, 1].map(|axis| {
            let (first, last, length) = extents[axis];
            let cut = if area < LEAST_EXACT_AREA { 0.0 } else { self.to_reach * length };
            self.cell(axis, levels[axis], first + cut)..=self.cell(axis, levels[axis], last - cut)
        });
        let level = self.level(levels);
        for y in rows {
            for x in columns.clone() {
                let list = self.list(level, [x, y]);
                let first = self.heads[list];
                if self.chunks.get(first as usize).is_none_or(|chunk| chunk.count as usize == LANES) {
                    self.heads[list] = self.chunks.len() as u32;
                    self.chunks.push(Chunk::empty(first));
                }
                self.chunks[self.heads[list] as usize].push(number, bbox, area);
            }
        }
        let (count, last) = &mut self.levels[level];
        *count += 1;
        std::mem::replace(last, number)
    }

    /// The number of the entry for which `meet` returned true.
    fn find(&self, entries: &[Entry], query: &Query, mut meet: impl FnMut(u32) -> bool) -> Option<u32> {
        let extents = extents(&query.bbox);
        // The sides of a tiny box are unreliable, but whatever overlaps it touches it.
        let to_core = if query.threshold > 0.0 { self.to_core } else { 0.0 };
        let cores = extents.map(|(first, last, length)| (first + to_core * length, last - to_core * length));
        let [columns, rows] = [0, 1].map(|axis| self.axes[axis].within(extents[axis].2, query.threshold));
        let levels = columns.flat_map(|column| rows.clone().map(move |row| [column, row]));
        if levels.clone().count() > entries.len() {
            self.look(entries.len());
            return (0..)
                .zip(entries)
                .find(|(number, entry)| query.may_overlap_entry(entry) && meet(*number))
                .map(|(number, _)| number);
        }
        for levels in levels {
            let level = self.level(levels);
            let (count, mut last) = self.levels[level];
            if count == 0 {
                continue;
            }
            let [(left, right), (top, bottom)] = [0, 1].map(|axis| {
                let (first, last) = cores[axis];
                (self.cell(axis, levels[axis], first), self.cell(axis, levels[axis], last))
            });
            if (right - left).saturating_add(1).saturating_mul((bottom - top).saturating_add(1)) > count.into() {
                self.look(count as usize);
                while let Some(entry) = entries.get(last as usize) {
                    if query.may_overlap_entry(entry) && meet(last) {
                        return Some(last);
                    }
                    last = entry.before;
                }
                continue;
            }
            for y in top..=bottom {
                for x in left..=right {
                    self.look(1);
                    let mut next = self.heads[self.list(level, [x, y])];
                    while let Some(chunk) = self.chunks.get(next as usize) {
                        self.look(1);
                        if let Some(number) = chunk.find(query, &mut meet) {
                            return Some(number);
                        }
                        next = chunk.next;
                    }
                }
            }
        }
        None
    }
}

impl Axis {
    fn new(present: &[bool; EXPONENTS], cell: f64, origin: f64) -> Self {
        let mut below = [0; EXPONENTS + 1];
        let mut levels = Vec::new();
        for (exponent, present) in present.iter().enumerate() {
            if *present {
                let longest = 4.0 * f64::from_bits((exponent as u64) << 53);
                let longest = longest.clamp(2.0 * f64::MIN_POSITIVE, f64::MAX);
                let density = (1.0 / (cell * longest)).min(f64::MAX);
                levels.push((density, origin * density));
            }
            below[exponent + 1] = levels.len() as u16;
        }
        Self { below, levels }
    }

    fn level(&self, side: f64) -> usize {
        self.below[exponent(side)].into()
    }

    /// The levels in which a side can be at least `threshold` times the length of `side` and vice versa.
    fn within(&self, side: f64, threshold: f64) -> Range<usize> {
        let most = if threshold > 0.0 { side / threshold } else { f64::INFINITY };
        self.level(threshold * side)..self.below[exponent(most) + 1].into()
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::super::iou;
    use super::*;

    /// How many lists, chunks and boxes a search visits, on average, if the kept boxes are those that overlap no other
    /// kept one by more than `threshold`.
    fn looks(boxes: &[BBox], threshold: f64) -> f64 {
        let mut grid = Grid::new(boxes, threshold);
        for (id, bbox) in boxes.iter().enumerate() {
            if !grid.search(bbox, bbox.area(), |kept| iou(&boxes[kept], bbox) > threshold) {
                grid.insert(bbox, bbox.area(), id);
            }
        }
        grid.index.unwrap().looks.get() as f64 / boxes.len() as f64
    }

    #[test]
    fn a_search_visits_few_boxes_whatever_the_input() {
        let mut rng = dl_record::rng(0, "looks");
        let around = |x: f64, y: f64, width: f64, height: f64| BBox::new(x, y, x + width, y + height);
        let mut check = |name: &str, draw: &mut dyn FnMut(usize, &mut rand_chacha::ChaCha8Rng) -> BBox| {
            let boxes: Vec<BBox> = (0..8000).map(|index| draw(index, &mut rng)).collect();
            for threshold in [0.0, 0.3, 0.5, 0.9] {
                let looks = looks(&boxes, threshold);

                assert!(looks < 200.0, "{name}, {threshold}: {looks} visits");
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
        check("nearly the same", &mut |_, rng| {
            let mut near = |value: f64| value * rng.random_range(0.9..1.1);
            around(near(50.0), near(50.0), near(50.0), near(50.0))
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
