//! See [`dl_cli::tools::data`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::data::Args>()
}
