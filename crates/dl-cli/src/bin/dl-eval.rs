//! See [`dl_cli::tools::eval`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::eval::Args>()
}
