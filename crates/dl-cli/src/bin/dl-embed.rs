//! See [`dl_cli::tools::embed`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::embed::Args>()
}
