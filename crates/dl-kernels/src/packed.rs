//! What the plans of a network share: weights in the order in which kernels read them, and working memory.
//!
//! A detector gets images of any size, and needs a plan for each size. Packing the weights of a large network takes as
//! long as running it on several images, and a second copy as much memory as the first. So a weight is packed once for
//! each algorithm, which may depend on the size, and kept for the next plan.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use crate::graph::Numbers;
use crate::memory::Aligned;
use crate::simd::Level;

/// The order of a packed weight. With the layer's shape, it determines the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layout {
    /// For an input with this many numbers per position.
    Direct {
        lanes: usize,
    },
    Depthwise,
    WinogradF2,
    WinogradF4,
    Dense,
    /// For this number of phases.
    Transposed {
        lanes: usize,
        phases: [usize; 2],
    },
    Local {
        lanes: usize,
    },
}

/// Packed weights and working memory, shared by the plans of one network. Clones are the same resources.
#[derive(Clone, Default)]
pub struct Resources {
    weights: Arc<Mutex<HashMap<Key, Kept>>>,
    workspaces: Arc<Mutex<Vec<Workspace>>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The address of the layer's numbers, which are kept alive.
    numbers: usize,
    layout: Layout,
    level: &'static str,
    /// Whether a batch norm is folded into the weight.
    folded: bool,
}

struct Kept {
    /// Keeps the address from being reused.
    _numbers: Numbers,
    scale: Option<Vec<f32>>,
    packed: Arc<Aligned>,
}

/// Working memory of a run.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) numbers: Aligned,
    /// Number of tasks of each step.
    pub(crate) counts: Vec<usize>,
}

impl Resources {
    /// The packed weight of a layer whose output channels are multiplied by `scale`; packed by `pack` if it is not
    /// there.
    pub(crate) fn packed(
        &self,
        numbers: &Numbers,
        (layout, level): (Layout, Level),
        scale: Option<&[f32]>,
        pack: impl FnOnce() -> Result<Aligned>,
    ) -> Result<Arc<Aligned>> {
        // Nobody else has these numbers, so nobody can ask for them again.
        if Arc::strong_count(numbers) == 1 {
            return Ok(Arc::new(pack()?));
        }
        let numbers_at = Arc::as_ptr(numbers).cast::<()>() as usize;
        let key = Key { numbers: numbers_at, layout, level: level.name(), folded: scale.is_some() };
        let same = |kept: &&Kept| kept.scale.as_deref() == scale;
        if let Some(kept) = self.weights().get(&key).filter(same) {
            return Ok(kept.packed.clone());
        }
        // Not under the lock: packing runs on all threads, and one that waits may compile another plan.
        let packed = Arc::new(pack()?);
        let mut weights = self.weights();
        if let Some(kept) = weights.get(&key).filter(same) {
            return Ok(kept.packed.clone());
        }
        let scale = scale.map(<[f32]>::to_vec);
        weights.insert(key, Kept { _numbers: numbers.clone(), scale, packed: packed.clone() });
        Ok(packed)
    }

    fn weights(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of the packed weights kept.
    pub fn weight_bytes(&self) -> usize {
        self.weights().values().map(|kept| 4 * kept.packed.len()).sum()
    }

    /// Bytes of working memory kept for the next run.
    pub fn working_memory(&self) -> usize {
        let workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        workspaces.iter().map(|workspace| 4 * workspace.numbers.len()).sum()
    }

    /// Calls `work` with at least `length` numbers of working memory.
    pub(crate) fn with_workspace(&self, length: usize, work: impl FnOnce(&mut Workspace)) {
        let mut workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        workspace.numbers.grow(length);
        work(&mut workspace);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
    }
}
