//! The command line, exactly as a user types it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use mfenx_node::STORE_FORMAT;
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    sync::LazyLock,
    time::Duration,
};

mod audit;
mod authorities;
mod keys;
mod network;
mod worker;

pub(crate) use audit::AuditCommand;
pub(crate) use authorities::{AuthoritiesCommand, ProposeCommand, SenderArgs, VoteArgs};
pub(crate) use keys::{GenesisArgs, KeysCommand, QuorumArg, ShowArgs, VerifyArgs};
pub(crate) use network::{LocalnetArgs, NodeArgs};
pub(crate) use worker::{
    AccessArgs, AttestArgs, BackendArg, DevicesArgs, RunArgs, StatusArgs, WantedArgs, WorkerArgs,
    WorkerCommand,
};

/// MFENX: an EVM-compatible node for chain ID 177155.
#[derive(Debug, Parser)]
#[command(name = "mfenx", version = VERSION.as_str(), about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// What to log, in tracing's syntax, for example `info,mfenx_rpc=debug`.
    #[arg(long, global = true, env = "MFENX_LOG", default_value = "warn", value_name = "FILTER")]
    pub(crate) log: String,
    /// How log lines look (standard error).
    #[arg(long, global = true, env = "MFENX_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormatArg,
}

/// Version, commit and the format of the store.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (version, commit) = (env!("CARGO_PKG_VERSION"), env!("MFENX_COMMIT"));
    format!("{version} (commit {commit}, chain ID 177155, store format {STORE_FORMAT})")
});

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormatArg {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a development chain: one authority, ten funded accounts, every API.
    Dev(DevArgs),
    /// Run a node of a network: an authority when it has keys of one, else a follower.
    Node(NodeArgs),
    /// Run a network of several processes on this machine.
    Localnet(LocalnetArgs),
    /// Answer JSON-RPC over an existing store, without consensus and network.
    Serve(ServeArgs),
    /// Import RLP blocks of any Ethereum-format chain, checking everything but the seals.
    Import(ImportArgs),
    /// Write the blocks of a chain to a file that `import` reads.
    Export(ExportArgs),
    /// Make the chain file of a network out of its authorities' registration data.
    Genesis(GenesisArgs),
    /// The keys of an authority.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The authorities of a running network: list them, propose changes and vote.
    #[command(subcommand)]
    Authorities(AuthoritiesCommand),
    /// The signed log of what an authority did: check it, or look into it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Sell verified computation of this machine to the Compute contract.
    Worker(Box<WorkerArgs>),
    /// Look into a store.
    #[command(subcommand)]
    Db(DbCommand),
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Keep the chain here; without it, it lives in a temporary directory and is gone at the end.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: Option<PathBuf>,
    /// `auto` makes a block when a transaction comes; `1s`, `5s`, ... one each interval.
    #[arg(long, env = "MFENX_BLOCK_TIME", default_value = "auto", value_name = "TIME", value_parser = block_time)]
    pub(crate) block_time: BlockTimeArg,
    /// The chain ID (default: 177155, or what the data directory holds).
    #[arg(long, env = "MFENX_CHAIN_ID", value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) chain_id: Option<u64>,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The data directory, made by `import` or `dev --datadir`.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: PathBuf,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
}

/// Where to listen; port 0 picks a free one.
#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address for JSON-RPC over HTTP and WebSocket.
    #[arg(long, env = "MFENX_HTTP", default_value = "127.0.0.1:8545", value_name = "ADDR", value_parser = address)]
    pub(crate) http: SocketAddr,
    /// Address for metrics.
    #[arg(long, env = "MFENX_ADMIN", default_value = "127.0.0.1:9545", value_name = "ADDR", value_parser = address)]
    pub(crate) admin: SocketAddr,
    /// Namespaces to answer, separated by commas. `public`: eth, net, web3, txpool, mfenx; `all`:
    /// those and debug, trace, ots, erigon; `testing` only by its name. (default: `all` for `dev` and
    /// `localnet`, else `public`)
    #[arg(long, env = "MFENX_API", value_name = "NAMES")]
    pub(crate) api: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The chain: `mfenx`, `dev`, or a genesis file in go-ethereum's format.
    #[arg(long, env = "MFENX_CHAIN", default_value = "mfenx", value_name = "CHAIN")]
    pub(crate) chain: String,
    /// Where the chain is kept.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: PathBuf,
    /// Say that you know: blocks without seals say nothing of who made them, only they are checked.
    /// Of a file that `export --sealed` wrote the seals of all new blocks are verified in any case.
    #[arg(long)]
    pub(crate) unsealed: bool,
    /// The file of RLP blocks, or of blocks with their seals.
    #[arg(value_name = "BLOCKS.rlp")]
    pub(crate) blocks: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The data directory.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: PathBuf,
    /// First block (default 1; block 0 is the genesis file).
    #[arg(long, value_name = "NUMBER")]
    pub(crate) first: Option<u64>,
    /// Last block (default: the head).
    #[arg(long, value_name = "NUMBER")]
    pub(crate) last: Option<u64>,
    /// Write the seals, too: who decided each block, and its randomness. Only `mfenx import` reads
    /// such a file; without it, any Ethereum client does.
    #[arg(long)]
    pub(crate) sealed: bool,
    /// The file to write; it must not exist.
    #[arg(value_name = "BLOCKS.rlp")]
    pub(crate) blocks: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Entries and bytes of each table.
    Stats(DbArgs),
    /// Recompute every root, link and index, and compare.
    Verify(DbArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    /// The data directory.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: PathBuf,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parsed `--block-time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockTimeArg {
    Auto,
    Every(Duration),
}

/// An address and a port, or a name of this machine and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| {
        format!("write an address and a port, such as `127.0.0.1:8545` ({error})")
    })?;
    addresses.next().ok_or_else(|| format!("the name `{text}` has no address"))
}

/// Block timestamps are whole seconds that must grow, so an interval is at least one second.
fn block_time(text: &str) -> Result<BlockTimeArg, String> {
    const HOUR: u64 = 3_600;
    if text == "auto" {
        return Ok(BlockTimeArg::Auto);
    }
    let seconds = text.strip_suffix('s').unwrap_or(text).parse::<u64>();
    match seconds {
        Ok(seconds @ 1..=HOUR) => Ok(BlockTimeArg::Every(Duration::from_secs(seconds))),
        _ => Err("write `auto`, or whole seconds from `1s` to `3600s`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses() {
        assert_eq!(address("127.0.0.1:0"), Ok(([127, 0, 0, 1], 0).into()));
        assert!(address("localhost:8545").is_ok_and(|address| address.ip().is_loopback()));
        assert!(address("8545").is_err_and(|reason| reason.contains("such as")));
    }

    #[test]
    fn block_times() {
        assert_eq!(block_time("auto"), Ok(BlockTimeArg::Auto));
        assert_eq!(block_time("2s"), Ok(BlockTimeArg::Every(Duration::from_secs(2))));
        assert_eq!(block_time("2"), Ok(BlockTimeArg::Every(Duration::from_secs(2))));
        for bad in ["0s", "", "s", "1.5s", "-1s", "500ms", "99999999999999999999s"] {
            assert!(block_time(bad).is_err(), "{bad}");
        }
    }
}
