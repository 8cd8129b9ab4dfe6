//! See [`dl_cli::tools::nms`].

fn main() -> std::process::ExitCode {
    dl_cli::main::<dl_cli::tools::nms::Args>()
}
