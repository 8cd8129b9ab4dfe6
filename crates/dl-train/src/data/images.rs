//! A cache of decoded images that drops the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use dl_vision::picture::{Loaded, Loader, Truncated};
use image::RgbImage;

/// Images by index.
pub struct Images<'a> {
    sources: &'a [String],
    loader: Loader,
    most: usize,
    broken: &'a (dyn Fn(&str) + Sync),
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// `None` for images that cannot be decoded.
    images: HashMap<u32, Option<Arc<RgbImage>>>,
    order: VecDeque<u32>,
    bytes: usize,
}

impl<'a> Images<'a> {
    /// Keeps up to `most` bytes; `broken` is called once for each image that cannot be decoded.
    pub fn new(sources: &'a [String], truncated: Truncated, most: usize, broken: &'a (dyn Fn(&str) + Sync)) -> Self {
        Self { sources, loader: Loader::new(truncated), most, broken, kept: Mutex::default() }
    }

    /// Returns an image, or `None` when it cannot be decoded.
    pub fn get(&self, index: u32) -> Option<Arc<RgbImage>> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept().images.get(&index) {
            return known.clone();
        }
        // Without the lock, so that other threads decode at the same time, occasionally the same image.
        let image = self.loader.load(&self.sources[index as usize]).map(Loaded::into_image);
        let mut kept = kept();
        if let Some(known) = kept.images.get(&index) {
            return known.clone();
        }
        let image = match image {
            Ok(image) => Arc::new(image),
            Err(error) => {
                (self.broken)(&format!("{error:#}"));
                kept.images.insert(index, None);
                return None;
            }
        };
        kept.bytes += image.len();
        kept.order.push_back(index);
        kept.images.insert(index, Some(image.clone()));
        while kept.bytes > self.most
            && let Some(oldest) = kept.order.pop_front()
        {
            if let Some(Some(dropped)) = kept.images.remove(&oldest) {
                kept.bytes -= dropped.len();
            }
        }
        Some(image)
    }
}
