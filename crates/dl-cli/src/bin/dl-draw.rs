//! See [`dl_cli::tools::draw`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::draw::Args>()
}
