//! `mfenx`, the node: parses the command line and hands over to the `node` crate.

mod args;
mod commands;
mod output;

use args::{Cli, LogFormatArg};
use clap::Parser;
use mfenx_telemetry::LogFormat;
use std::process::ExitCode;

/// glibc's allocator keeps what a burst of large requests needed; this one gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let format = match cli.log_format {
        LogFormatArg::Text => LogFormat::Text,
        LogFormatArg::Json => LogFormat::Json,
    };
    let result = mfenx_telemetry::init_logs(&cli.log, format)
        .map_err(mfenx_node::NodeError::from)
        .and_then(|()| commands::run(cli.command, &cli.log));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
