//! See [`dl_cli::tools::detect`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::detect::Args>()
}
