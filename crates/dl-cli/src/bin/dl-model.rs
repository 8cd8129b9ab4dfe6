//! See [`dl_cli::tools::model`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::model::Args>()
}
