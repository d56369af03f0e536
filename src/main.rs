//! Hands the arguments to `cli` and returns its exit code; nothing else lives here.

#[expect(clippy::disallowed_methods, reason = "the arguments enter here")]
fn main() -> std::process::ExitCode {
    tilltape::cli::run(std::env::args_os())
}
