//! See [`dl_cli::tools::gan_train`].

fn main() -> std::process::ExitCode {
    dl_cli::common::keep_freed_memory();
    dl_cli::main::<dl_cli::tools::gan_train::Args>()
}

/// Keeps large blocks of memory: getting them from the system again costs as much as a small layer of a network.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
