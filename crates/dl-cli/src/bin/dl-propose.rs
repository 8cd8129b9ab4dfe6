//! See [`dl_cli::tools::propose`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::propose::Args>()
}
