//! See [`dl_cli::tools::gan_edit`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::gan_edit::Args>()
}
