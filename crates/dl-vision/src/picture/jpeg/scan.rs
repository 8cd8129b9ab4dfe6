//! Checks the blocks of every scan without decoding them: each block of the frame must be there.

use super::bits::{Bits, Missing, Table};

const PROGRESSIVE: u8 = 0xC2;

/// The state set by the segments so far.
#[derive(Default)]
pub(super) struct Walk {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: u32,
    frame: Option<Frame>,
    /// Cannot be checked: another coding (arithmetic, lossless), or tables from elsewhere.
    unknown: bool,
}

struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    components: Vec<Component>,
    scans: u32,
}

struct Component {
    id: u8,
    /// Sampling factors.
    across: u32,
    down: u32,
    /// Blocks per row and per column, with those that pad the last MCU.
    blocks: (u32, u32),
    /// Which coefficients are nonzero so far, one bit each, block by block; for progressive frames.
    set: Vec<u64>,
    /// Bits that each coefficient still lacks; `None` if it was in no scan.
    lacks: [Option<u8>; 64],
}

/// A component's part in a scan.
#[derive(Clone, Copy)]
struct Part {
    component: usize,
    dc: usize,
    ac: usize,
}

/// The coefficients of a progressive scan, and the number of bits that it refines.
#[derive(Clone, Copy)]
struct Band {
    first: u32,
    last: u32,
    refines: bool,
}

impl Walk {
    pub(super) fn tables(&mut self, mut segment: &[u8]) {
        while let Some((head, rest)) = segment.split_first_chunk::<17>() {
            let counts = head.last_chunk::<16>().expect("17 bytes hold 16");
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let (Some(symbols), index) = (rest.get(..total), usize::from(head[0] & 15)) else { break };
            let tables = if head[0] >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            if let Some(place) = tables.get_mut(index) {
                *place = Table::new(counts, symbols);
            }
            segment = &rest[total..];
        }
    }

    pub(super) fn restart_interval(&mut self, segment: &[u8]) {
        if let Some(interval) = segment.first_chunk() {
            self.restart_interval = u16::from_be_bytes(*interval).into();
        }
    }

    pub(super) fn frame(&mut self, marker: u8, segment: &[u8]) {
        self.unknown |= !matches!(marker, 0xC0..=PROGRESSIVE) || self.frame.is_some();
        if self.unknown {
            return;
        }
        self.frame = Frame::new(marker == PROGRESSIVE, segment);
        self.unknown = self.frame.is_none();
    }

    /// Checks the scan with this header; returns how many of the bytes after it belong to it.
    pub(super) fn scan(&mut self, header: &[u8], data: &[u8]) -> Result<usize, Missing> {
        let Some(frame) = self.frame.as_mut().filter(|_| !self.unknown) else { return Ok(0) };
        let Some((parts, band)) = frame.parts(header) else {
            self.unknown = true;
            return Ok(0);
        };
        let mut bits = Bits::new(data);
        let interval = self.restart_interval;
        let walked = match band {
            None => {
                let tables: Option<Vec<_>> = parts
                    .iter()
                    .map(|part| Some((part.component, (self.dc[part.dc].as_ref()?, self.ac[part.ac].as_ref()?))))
                    .collect();
                tables.map(|tables| frame.sequential(&tables, interval, &mut bits))
            }
            Some(band) if band.first == 0 => {
                let tables: Vec<_> = parts.iter().map(|part| (part.component, self.dc[part.dc].as_ref())).collect();
                let usable = band.refines || tables.iter().all(|(_, table)| table.is_some());
                usable.then(|| frame.dc(&tables, band, interval, &mut bits))
            }
            Some(band) => {
                self.ac[parts[0].ac].as_ref().map(|table| frame.ac(parts[0], table, band, interval, &mut bits))
            }
        };
        match walked {
            Some(result) => result?,
            None => self.unknown = true,
        }
        Ok(bits.position())
    }

    /// Was every coefficient of every component in a scan, to its last bit?
    pub(super) fn is_complete(&self) -> bool {
        let Some(frame) = self.frame.as_ref().filter(|_| !self.unknown) else { return true };
        frame.components.iter().all(|component| component.lacks.iter().all(|lacks| *lacks == Some(0)))
    }

    /// Bytes of coefficients that a decoder holds at once if there are several scans.
    pub(super) fn coefficients(&self) -> u64 {
        let Some(frame) = self.frame.as_ref().filter(|frame| frame.progressive || frame.scans > 1) else { return 0 };
        // 16 bits each, and the bit that is stored here.
        let blocks = |part: &Component| u64::from(part.blocks.0) * u64::from(part.blocks.1);
        frame.components.iter().map(|component| blocks(component) * (64 * 2 + 8)).sum()
    }
}

/// The decoder rejects files with more, which could take hours to check.
const MOST_SCANS: u32 = 100;

impl Frame {
    fn new(progressive: bool, segment: &[u8]) -> Option<Self> {
        let ([precision, h1, h2, w1, w2, count], rest) = segment.split_first_chunk()?;
        let (width, height) = (u16::from_be_bytes([*w1, *w2]).into(), u16::from_be_bytes([*h1, *h2]).into());
        let count = usize::from(*count);
        if *precision != 8 || width == 0 || height == 0 || !(1..=4).contains(&count) || rest.len() < 3 * count {
            return None;
        }
        let sampled = rest.chunks_exact(3).take(count);
        let factors = sampled.map(|bytes| (bytes[0], u32::from(bytes[1] >> 4), u32::from(bytes[1] & 15)));
        let factors: Vec<_> = factors.collect();
        if factors.iter().any(|(_, across, down)| !(1..=4).contains(across) || !(1..=4).contains(down)) {
            return None;
        }
        let mut frame = Self { progressive, width, height, components: Vec::new(), scans: 0 };
        let (most_across, most_down) = factors.iter().fold((1, 1), |most, it| (it.1.max(most.0), it.2.max(most.1)));
        let mcus = (width.div_ceil(8 * most_across), height.div_ceil(8 * most_down));
        for (id, across, down) in factors {
            let blocks = (mcus.0 * across, mcus.1 * down);
            frame.components.push(Component { id, across, down, blocks, set: Vec::new(), lacks: [None; 64] });
        }
        Some(frame)
    }

    /// The contents of the scan header; `None` if it is not supported.
    fn parts(&mut self, header: &[u8]) -> Option<(Vec<Part>, Option<Band>)> {
        let (count, rest) = header.split_first()?;
        let count = usize::from(*count);
        let (pairs, rest) = rest.split_at_checked(2 * count)?;
        let parts = pairs.chunks_exact(2).map(|pair| {
            let component = self.components.iter().position(|component| component.id == pair[0])?;
            Some(Part { component, dc: usize::from(pair[1] >> 4), ac: usize::from(pair[1] & 15) })
        });
        let parts: Vec<Part> = parts.collect::<Option<_>>()?;
        if parts.is_empty() || parts.iter().any(|part| part.dc > 3 || part.ac > 3) {
            return None;
        }
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return None;
        }
        if !self.progressive {
            parts.iter().for_each(|part| self.components[part.component].lacks = [Some(0); 64]);
            return Some((parts, None));
        }
        let [first, last, approximation] = *rest.first_chunk()?;
        if first > last || last > 63 || (first == 0) != (last == 0) || (first > 0 && count > 1) {
            return None;
        }
        for part in &parts {
            let component = &mut self.components[part.component];
            component.lacks[usize::from(first)..=usize::from(last)].fill(Some(approximation & 15));
            if first > 0 && component.set.is_empty() {
                component.set = vec![0; component.blocks.0 as usize * component.blocks.1 as usize];
            }
        }
        Some((parts, Some(Band { first: first.into(), last: last.into(), refines: approximation >> 4 > 0 })))
    }

    /// MCUs per row and per column of a scan of these components, and how many blocks of each an MCU has: a scan of one
    /// component has no padding.
    fn mcus(&self, components: &[usize]) -> ((u32, u32), Vec<u32>) {
        let most = |factor: fn(&Component) -> u32| self.components.iter().map(factor).max().unwrap_or(1);
        let (across, down) = (most(|it| it.across), most(|it| it.down));
        if let [only] = components {
            let it = &self.components[*only];
            let size = (self.width * it.across).div_ceil(8 * across);
            return ((size, (self.height * it.down).div_ceil(8 * down)), vec![1]);
        }
        let blocks = components.iter().map(|index| self.components[*index].across * self.components[*index].down);
        ((self.width.div_ceil(8 * across), self.height.div_ceil(8 * down)), blocks.collect())
    }

    /// Calls `block(part)` for each block of an interleaved scan, with the restarts between.
    fn each_block(
        &self,
        components: &[usize],
        interval: u32,
        bits: &mut Bits,
        mut block: impl FnMut(&mut Bits, usize) -> Result<(), Missing>,
    ) -> Result<(), Missing> {
        let ((columns, rows), blocks) = self.mcus(components);
        let mut restarts = Restarts::new(interval);
        for _ in 0..columns * rows {
            restarts.step(bits)?;
            for (part, count) in blocks.iter().enumerate() {
                for _ in 0..*count {
                    block(bits, part)?;
                }
            }
        }
        Ok(())
    }

    fn sequential(&self, parts: &[(usize, (&Table, &Table))], interval: u32, bits: &mut Bits) -> Result<(), Missing> {
        let components: Vec<usize> = parts.iter().map(|part| part.0).collect();
        self.each_block(&components, interval, bits, |bits, part| {
            let (dc, ac) = parts[part].1;
            bits.skip_block(dc, ac)
        })
    }

    fn dc(&self, parts: &[(usize, Option<&Table>)], band: Band, interval: u32, bits: &mut Bits) -> Result<(), Missing> {
        let components: Vec<usize> = parts.iter().map(|part| part.0).collect();
        self.each_block(&components, interval, bits, |bits, part| match parts[part].1 {
            Some(table) if !band.refines => bits.skip_dc(table),
            _ => bits.skip(1),
        })
    }

    fn ac(&mut self, part: Part, table: &Table, band: Band, interval: u32, bits: &mut Bits) -> Result<(), Missing> {
        let ((columns, rows), _) = self.mcus(&[part.component]);
        let component = &mut self.components[part.component];
        let mut restarts = Restarts::new(interval);
        // Blocks without further coefficients in this band.
        let mut empty = 0_u32;
        for row in 0..rows {
            let start = row as usize * component.blocks.0 as usize;
            for set in &mut component.set[start..start + columns as usize] {
                if restarts.step(bits)? {
                    empty = 0;
                }
                if band.refines {
                    refine(bits, table, band, set, &mut empty)?;
                } else {
                    first_bits(bits, table, band, set, &mut empty)?;
                }
            }
        }
        Ok(())
    }
}

/// A block of a first AC scan (T.81, G.1.2.2).
fn first_bits(bits: &mut Bits, table: &Table, band: Band, set: &mut u64, empty: &mut u32) -> Result<(), Missing> {
    if *empty > 0 {
        *empty -= 1;
        return Ok(());
    }
    let mut index = band.first;
    while index <= band.last {
        let symbol = bits.symbol(table)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        match (run, size) {
            (15, 0) => index += 16,
            (_, 0) => {
                *empty = (1 << run) - 1 + bits.take(run)?;
                break;
            }
            _ => {
                index += run;
                *set |= 1_u64.checked_shl(index).unwrap_or(0);
                bits.skip(size)?;
                index += 1;
            }
        }
    }
    Ok(())
}

/// A block of a refining AC scan (T.81, G.1.2.3): one more bit for each nonzero coefficient.
fn refine(bits: &mut Bits, table: &Table, band: Band, set: &mut u64, empty: &mut u32) -> Result<(), Missing> {
    let mut index = band.first;
    if *empty == 0 {
        while index <= band.last {
            let symbol = bits.symbol(table)?;
            let (mut run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if size > 0 {
                bits.skip(1)?;
            } else if run < 15 {
                *empty = (1 << run) + bits.take(run)?;
                break;
            }
            while index <= band.last {
                if *set >> index & 1 == 1 {
                    bits.skip(1)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                index += 1;
            }
            if size > 0 && index <= band.last {
                *set |= 1 << index;
            }
            index += 1;
        }
    }
    if *empty > 0 {
        let rest = if index > band.last { 0 } else { (*set >> index) & (u64::MAX >> (63 - (band.last - index))) };
        bits.skip(rest.count_ones())?;
        *empty -= 1;
    }
    Ok(())
}

/// Counts the MCUs between restart markers.
struct Restarts {
    interval: u32,
    left: u32,
    number: u8,
}

impl Restarts {
    fn new(interval: u32) -> Self {
        Self { interval, left: interval, number: 0 }
    }

    /// Before each MCU; true when there was a restart.
    #[inline]
    fn step(&mut self, bits: &mut Bits) -> Result<bool, Missing> {
        if self.interval == 0 {
            return Ok(false);
        }
        let due = self.left == 0;
        if due {
            bits.restart(self.number)?;
            self.number = (self.number + 1) % 8;
            self.left = self.interval;
        }
        self.left -= 1;
        Ok(due)
    }
}
