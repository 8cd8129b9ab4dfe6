//! See [`dl_cli::tools::transfer`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::transfer::Args>()
}
