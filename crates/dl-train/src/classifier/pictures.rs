//! Decoded pictures, the oldest dropped when there are too many.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use dl_vision::picture::{Loaded, Loader, Truncated};
use image::RgbImage;

/// Pictures by their index.
pub(super) struct Pictures<'a> {
    sources: &'a [String],
    loader: Loader,
    most: usize,
    broken: &'a (dyn Fn(&str) + Sync),
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// `None` for those that cannot be decoded.
    pictures: HashMap<u32, Option<Arc<RgbImage>>>,
    order: VecDeque<u32>,
    bytes: usize,
}

impl<'a> Pictures<'a> {
    /// Keeps up to `most` bytes; `broken` is told once of each picture that cannot be decoded.
    pub(super) fn new(
        sources: &'a [String],
        truncated: Truncated,
        most: usize,
        broken: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        Self { sources, loader: Loader::new(truncated), most, broken, kept: Mutex::default() }
    }

    /// The picture; `None` when it cannot be decoded.
    pub(super) fn get(&self, index: u32) -> Option<Arc<RgbImage>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().pictures.get(&index) {
            return known.clone();
        }
        // Not under the lock: others decode meanwhile, now and then the same.
        let picture = self.loader.load(&self.sources[index as usize]).map(Loaded::into_image);
        let mut kept = kept();
        if let Some(known) = kept.pictures.get(&index) {
            return known.clone();
        }
        let picture = match picture {
            Ok(picture) => Arc::new(picture),
            Err(error) => {
                (self.broken)(&format!("{error:#}"));
                kept.pictures.insert(index, None);
                return None;
            }
        };
        kept.bytes += picture.len();
        kept.order.push_back(index);
        kept.pictures.insert(index, Some(picture.clone()));
        while kept.bytes > self.most
            && let Some(oldest) = kept.order.pop_front()
        {
            if let Some(Some(dropped)) = kept.pictures.remove(&oldest) {
                kept.bytes -= dropped.len();
            }
        }
        Some(picture)
    }
}
