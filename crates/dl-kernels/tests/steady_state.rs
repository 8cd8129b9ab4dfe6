//! A plan that has run once runs again without allocating memory.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dl_kernels::{
    Conv2dConfig, Graph, LocalResponse, Neighbors, NodeId, Operation, Padding, Plan, PlanConfig, PoolConfig, Winograd,
};

/// The system's allocator, counting.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::SeqCst);
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.fetch_add(1, Ordering::SeqCst);
        // SAFETY: guaranteed by the caller.
        unsafe { System.realloc(start, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Every kind of step, with outputs before and after the fully connected layers.
fn network() -> (Graph, Vec<NodeId>) {
    let mut graph = Graph::new([3, 32, 32]);
    let input = graph.input();
    let mut add = |operation, inputs: &[NodeId]| graph.add(operation, inputs).unwrap();
    let numbers = |count: usize| -> dl_kernels::Numbers {
        Arc::new(move || (0..count).map(|index| (index * 37 % 101) as f32 / 500.0 - 0.1).collect())
    };
    let conv = |shape: [usize; 4], config: Conv2dConfig| Operation::Conv2d {
        weight: numbers(shape.iter().product()),
        shape,
        bias: Some(numbers(shape[0])),
        config,
    };
    let padded = Conv2dConfig { padding: Padding::all(1), ..Default::default() };
    let x = add(Operation::Affine { scale: vec![0.5; 3], shift: vec![0.1; 3] }, &[input]);
    let x = add(conv([16, 3, 3, 3], padded), &[x]);
    let relu = add(Operation::Clamp { low: 0.0, high: f32::INFINITY }, &[x]);
    let a = add(conv([16, 16, 3, 3], padded), &[relu]);
    let b = add(conv([16, 1, 3, 3], Conv2dConfig { groups: 16, ..padded }), &[relu]);
    let sum = add(Operation::Add, &[a, b]);
    let c = add(conv([10, 16, 1, 1], Conv2dConfig::default()), &[sum]);
    let all = add(Operation::Concat, &[c, sum]);
    let all = add(Operation::MaxPool2d(PoolConfig::square(3, 2)), &[all]);
    let norm = LocalResponse { neighbors: Neighbors::Channels, size: 5, alpha: 0.1, beta: 0.75, k: 1.0 };
    let all = add(Operation::LocalResponseNorm(norm), &[all]);
    let pooled = add(Operation::AdaptiveAvgPool2d([2, 2]), &[all]);
    let row = add(Operation::Flatten, &[pooled]);
    let logits = add(Operation::Linear { weight: numbers(104 * 7), shape: [7, 104], bias: None }, &[row]);
    let probabilities = add(Operation::Softmax, &[logits]);
    (graph, vec![pooled, probabilities])
}

#[test]
fn a_plan_that_has_run_takes_no_memory() {
    let images = 3;
    let input: Vec<f32> = (0..images * 3 * 32 * 32).map(|index| (index * 7 % 255) as f32 / 255.0).collect();
    for winograd in Winograd::ALL {
        let (graph, requested) = network();
        let plan = Plan::new(graph, &requested, PlanConfig { winograd, ..PlanConfig::default() }).unwrap();
        let expected = plan.run(&input).unwrap();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut outputs = vec![Vec::new(); requested.len()];
            // Each thread's scratch memory grows at its first task of a step, which happens in the first rounds.
            let mut round = |_: usize| {
                let before = TAKEN.load(Ordering::SeqCst);
                (0..20).for_each(|_| plan.run_into(&input, &mut outputs).unwrap());
                TAKEN.load(Ordering::SeqCst) - before
            };
            let ends = pool.install(|| (0..50).any(|index| round(index) == 0));
            assert!(ends, "{winograd:?} on {threads} threads: every round takes memory");
            assert_eq!(outputs, expected);
        }
    }
    let (graph, requested) = network();
    let plan = Plan::new(graph, &requested, PlanConfig::default()).unwrap();
    assert!(plan.run_into(&input, &mut [Vec::new()]).is_err());
}
