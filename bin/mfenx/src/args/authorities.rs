//! Arguments of `mfenx authorities`.

use super::keys::PassphraseArgs;
use clap::{Args, Subcommand};
use mfenx_node::Address;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthoritiesCommand {
    /// Print the authorities, the changes to come, and what can be voted for.
    List(ListArgs),
    /// Print what a node keeps against authorities, with every signature checked here.
    Evidence(EvidenceArgs),
    /// Propose a change, and vote for it.
    #[command(subcommand)]
    Propose(ProposeCommand),
    /// Vote for a proposal. The vote that makes the majority executes it.
    Vote(VoteArgs),
    /// Execute a proposal that has its majority and had to wait for another epoch.
    Execute(ExecuteArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RpcArgs {
    /// JSON-RPC of a node of the network.
    #[arg(long, env = "MFENX_RPC", default_value = "http://127.0.0.1:8545", value_name = "URL")]
    pub(crate) rpc: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) rpc: RpcArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(flatten)]
    pub(crate) rpc: RpcArgs,
    /// Only what is kept against this authority.
    #[arg(long, value_name = "OPERATOR")]
    pub(crate) operator: Option<Address>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whose transaction it is, and where it is sent.
#[derive(Debug, Args)]
pub(crate) struct SenderArgs {
    #[command(flatten)]
    pub(crate) rpc: RpcArgs,
    /// The operator's key: `operator.key`, or the directory it is in. It never leaves this program.
    #[arg(long, env = "MFENX_OPERATOR_KEY", value_name = "FILE")]
    pub(crate) operator_key: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProposeCommand {
    /// Propose that somebody joins.
    Add(SubjectArgs),
    /// Propose that an authority leaves.
    Remove(RemoveArgs),
    /// Propose that an authority gets other keys or another power.
    Change(SubjectArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SubjectArgs {
    /// What the subject's `mfenx keys show --registration` printed; every proof in it is checked.
    #[arg(value_name = "REGISTRATION.json")]
    pub(crate) registration: PathBuf,
    /// The power.
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) power: u64,
    #[command(flatten)]
    pub(crate) sender: SenderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The account of the authority.
    #[arg(value_name = "OPERATOR")]
    pub(crate) operator: Address,
    #[command(flatten)]
    pub(crate) sender: SenderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The number of the proposal, as `list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    /// Registration data of who joins or changes: its proofs must hold, and the proposal be for
    /// these keys.
    #[arg(long, value_name = "FILE")]
    pub(crate) registration: Option<PathBuf>,
    /// Vote for keys without registration data, when you have checked them by other means.
    #[arg(long, conflicts_with = "registration")]
    pub(crate) unchecked: bool,
    #[command(flatten)]
    pub(crate) sender: SenderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExecuteArgs {
    /// The number of the proposal.
    #[arg(value_name = "ID")]
    pub(crate) id: u64,
    #[command(flatten)]
    pub(crate) sender: SenderArgs,
}
