//! Arguments of `mfenx audit`.

use clap::{Args, Subcommand};
use mfenx_node::B256;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every line and signature, and say which line is wrong.
    Verify(VerifyAuditArgs),
    /// Print the records, unchecked.
    Show(ShowAuditArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The data directory of an authority, or files `audit.log*` of one.
    #[arg(value_name = "DIR|FILE", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyAuditArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// The consensus key that all of it must be signed with, as the registry has it.
    #[arg(long, value_name = "HEX")]
    pub(crate) key: Option<B256>,
    /// The hash of a line that must be in it, as an earlier `verify` or the node's log gave it: that
    /// nothing was cut off the end can be seen in no other way.
    #[arg(long, value_name = "HASH")]
    pub(crate) contains: Option<B256>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowAuditArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Print the lines as they are.
    #[arg(long)]
    pub(crate) json: bool,
}
