//! The bits of a scan, and the Huffman codes in them.

/// Part of a scan is missing, or it is not valid JPEG data.
#[derive(Debug)]
pub(super) struct Missing;

/// The entropy-coded bits up to the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bits, starting with the highest.
    window: u64,
    /// How many of them are available; below 0 if more were taken.
    count: i32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, window: 0, count: 0 }
    }

    /// The current position: at a marker, or before unused bytes.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Continues after the restart marker, which must come next; bytes before it are skipped, as in libjpeg.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Missing> {
        (self.window, self.count) = (0, 0);
        while let Some(pair) = self.bytes.get(self.at..self.at + 2) {
            match (pair[0], pair[1]) {
                (0xFF, 0x00) => self.at += 2,
                (0xFF, marker) if marker != 0xFF => {
                    self.at += 2;
                    return if marker == 0xD0 + number { Ok(()) } else { Err(Missing) };
                }
                _ => self.at += 1,
            }
        }
        Err(Missing)
    }

    /// Makes at least 32 bits available, unless the scan ends before.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        self.fill();
    }

    fn fill(&mut self) {
        if self.count < 0 {
            return;
        }
        if let Some(next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_be_bytes(*next);
            if !has_ff(word) {
                // The bits after the last whole byte are added again with it, unchanged.
                self.window |= word >> self.count;
                let taken = (64 - self.count) / 8;
                self.at += taken as usize;
                self.count += 8 * taken;
                return;
            }
        }
        self.refill_slowly();
    }

    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let Some(byte) = self.bytes.get(self.at) else { return };
            if *byte == 0xFF {
                // Anything but a stuffed byte is a marker, or padding before one.
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.window |= u64::from(*byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn drop(&mut self, count: u32) -> Result<(), Missing> {
        self.window <<= count;
        self.count -= count as i32;
        self.check()
    }

    #[inline]
    fn check(&self) -> Result<(), Missing> {
        if self.count < 0 { Err(Missing) } else { Ok(()) }
    }

    /// Skips up to 64 bits.
    pub(super) fn skip(&mut self, mut count: u32) -> Result<(), Missing> {
        while count > 0 {
            self.refill();
            let now = count.min(32);
            self.drop(now)?;
            count -= now;
        }
        Ok(())
    }

    /// The next bits as a number, up to 16.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Missing> {
        if count == 0 {
            return Ok(0);
        }
        self.refill();
        let value = (self.window >> (64 - count)) as u32;
        self.drop(count)?;
        Ok(value)
    }

    /// The next symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Missing> {
        self.refill();
        let entry = table.entry(self.window).ok_or(Missing)?;
        self.drop(entry.length.into())?;
        Ok(entry.symbol)
    }

    /// Skips a DC difference.
    #[inline]
    pub(super) fn skip_dc(&mut self, dc: &Table) -> Result<(), Missing> {
        self.refill();
        let entry = dc.entry(self.window).ok_or(Missing)?;
        self.drop(u32::from(entry.length) + u32::from(entry.symbol.min(16)))
    }

    /// Skips a block of a sequential scan.
    #[inline]
    pub(super) fn skip_block(&mut self, dc: &Table, ac: &Table) -> Result<(), Missing> {
        self.skip_dc(dc)?;
        let mut index = 1;
        while index < 64 {
            self.refill();
            let group = ac.groups[(self.window >> (64 - LOOK)) as usize];
            let (bits, advance) = if group.bits > 0 && index + group.before < 64 {
                (group.bits, group.advance)
            } else {
                let entry = ac.entry(self.window).ok_or(Missing)?;
                (entry.whole, entry.advance)
            };
            // Their presence is checked once per block; bits after the end are 0.
            self.window <<= bits;
            self.count -= i32::from(bits);
            index += advance;
        }
        self.check()
    }
}

fn has_ff(word: u64) -> bool {
    let inverse = !word;
    inverse.wrapping_sub(0x0101_0101_0101_0101) & !inverse & 0x8080_8080_8080_8080 != 0
}

/// Codes of up to this many bits are found with one lookup.
const LOOK: u32 = 11;

/// A code and its meaning.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// Bits of the code; 0: no such code.
    length: u8,
    symbol: u8,
    /// Bits of the code and of the value after it.
    whole: u8,
    /// Coefficients that it represents in a sequential scan; the end of the block is 64.
    advance: u8,
}

impl Entry {
    fn new(length: u8, symbol: u8) -> Self {
        let (run, size) = (symbol >> 4, symbol & 15);
        let advance = if size == 0 && run < 15 { 64 } else { run + 1 };
        Self { length, symbol, whole: length + size, advance }
    }
}

/// As many codes with their values as are in the next bits.
#[derive(Clone, Copy, Default)]
struct Group {
    /// 0: not even one.
    bits: u8,
    advance: u8,
    /// How far all but the last of them advance.
    before: u8,
}

/// A Huffman table.
#[derive(Clone)]
pub(super) struct Table {
    short: Vec<Entry>,
    groups: Vec<Group>,
    /// Longer codes, in increasing order: the first code of each length, its index, and how many.
    first: [(u32, u32, u32); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// The table of `counts[n]` codes of n + 1 bits; `None` if there are more than fit.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let (short, groups) = (vec![Entry::default(); 1 << LOOK], vec![Group::default(); 1 << LOOK]);
        let mut table = Self { short, groups, first: [(0, 0, 0); 17], symbols: symbols.to_owned() };
        let (mut code, mut place) = (0_u32, 0_u32);
        for length in 1..=16_u32 {
            let count = u32::from(counts[length as usize - 1]);
            table.first[length as usize] = (code, place, count);
            if code + count > 1 << length {
                return None;
            }
            if length <= LOOK {
                let each = 1 << (LOOK - length);
                for number in 0..count {
                    let entry = Entry::new(length as u8, *symbols.get((place + number) as usize)?);
                    let start = ((code + number) << (LOOK - length)) as usize;
                    table.short[start..start + each].fill(entry);
                }
            }
            code = (code + count) << 1;
            place += count;
        }
        for (bits, group) in table.groups.iter_mut().enumerate() {
            while group.advance < 64 {
                let entry = table.short[bits << group.bits & ((1 << LOOK) - 1)];
                if entry.length == 0 || u32::from(group.bits + entry.whole) > LOOK {
                    break;
                }
                group.before = group.advance;
                group.bits += entry.whole;
                group.advance += entry.advance;
            }
        }
        Some(table)
    }

    #[inline]
    fn entry(&self, window: u64) -> Option<Entry> {
        let entry = self.short[(window >> (64 - LOOK)) as usize];
        if entry.length > 0 { Some(entry) } else { self.long(window) }
    }

    fn long(&self, window: u64) -> Option<Entry> {
        (LOOK + 1..=16).find_map(|length| {
            let (first, place, count) = self.first[length as usize];
            let number = ((window >> (64 - length)) as u32).checked_sub(first).filter(|number| *number < count)?;
            Some(Entry::new(length as u8, *self.symbols.get((place + number) as usize)?))
        })
    }
}
