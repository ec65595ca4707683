//! Arguments of `mfenx worker`.

use super::{authorities::RpcArgs, keys::PassphraseArgs};
use clap::{Args, Subcommand, ValueEnum};
use mfenx_node::{Address, U256};
use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    pub(crate) command: Option<WorkerCommand>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Print the worker as the contract has it.
    Status(StatusArgs),
    /// Leave: no more jobs; those under way are finished by the running worker.
    Exit(AccessArgs),
    /// Make the stake of a worker that has left due, when its time is over.
    Release(AccessArgs),
    /// Pay out what the contract owes to the operator.
    Withdraw(WithdrawArgs),
    /// Change which orders the worker takes; what is not named stays as it is.
    Terms(TermsArgs),
    /// Declare the device, or another class, anew. The measurement is void from then on: the worker is
    /// in no draw until the next round has measured it.
    Attest(AttestArgs),
    /// Choose the account that may commit, open and change terms beside the operator.
    Agent(AgentArgs),
    /// Add to the stake. What is staked comes back by `exit` and `release` only.
    Stake(StakeArgs),
    /// End a job that missed its deadline or its opening, of whatever worker: its slot is drawn anew.
    /// Workers do this by themselves; anybody with an account may.
    Lapse(LapseArgs),
    /// End the benchmark that a round asked of a worker, of whomever, and that was not answered in time:
    /// the worker is lowered a class. `mfenx worker observe` does this by itself; anybody with an account
    /// may.
    Miss(MissArgs),
    /// Look again whether a worker, of whomever, can be drawn: one whose measurement ran out gives its seat
    /// back. `mfenx worker observe` does this by itself; anybody with an account may.
    Refresh(RefreshArgs),
    /// Report how long benchmarks took, and keep workers to their duties, as an authority.
    Observe(ObserveArgs),
    /// Print the devices of this machine, as workers declare them.
    Devices(DevicesArgs),
}

/// Who, and where.
#[derive(Debug, Args)]
pub(crate) struct AccessArgs {
    #[command(flatten)]
    pub(crate) rpc: RpcArgs,
    /// The worker's directory: keys, and what a restarted worker goes on with.
    #[arg(long, env = "MFENX_WORKER_DIR", default_value = "worker", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The key of the account that stakes and is paid (default: `operator.key` in the worker's
    /// directory, made when it is not there).
    #[arg(long, env = "MFENX_OPERATOR_KEY", value_name = "FILE")]
    pub(crate) operator_key: Option<PathBuf>,
    /// Use account 0 to 9 of `mfenx dev` or `mfenx localnet`, whose keys everybody knows.
    #[arg(long, conflicts_with = "operator_key", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..10))]
    pub(crate) dev_account: Option<u32>,
    /// Whose worker it is, when the account is its agent (default: the account's own).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) operator: Option<Address>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// What computes.
#[derive(Debug, Args)]
pub(crate) struct DeviceArgs {
    /// What computes.
    #[arg(long, env = "MFENX_BACKEND", default_value = "auto")]
    pub(crate) backend: BackendArg,
    /// Which card, as CUDA counts them. Each worker has one.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub(crate) card: usize,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// Threads of the processor (default: all).
    #[arg(long, value_name = "NUMBER")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// The class to register with: an index into the contract's `classes()` (default: 0). Of a worker
    /// that is registered, `mfenx worker attest` changes it.
    #[arg(long, value_name = "INDEX")]
    pub(crate) class: Option<u8>,
    #[command(flatten)]
    pub(crate) terms: WantedArgs,
    /// Stake to register with, in JULIAN (default: the least that the contract takes). Of a worker that
    /// is registered, `mfenx worker stake` adds to it.
    #[arg(long, value_name = "JULIAN", value_parser = mfenx_node::parse_julian)]
    pub(crate) stake: Option<U256>,
    /// Memory for one job, in MiB. Larger jobs are not begun.
    #[arg(long, default_value_t = 4096, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    pub(crate) memory: u64,
    /// How often to look for a block, in milliseconds.
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub(crate) poll: u64,
    /// Print a line of JSON for each report.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What orders a worker takes. Of a worker that is registered, what is named here is changed.
#[derive(Debug, Args)]
pub(crate) struct WantedArgs {
    /// Jobs at a time, at most 64; 0 is a pause (at registration: 4).
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) capacity: Option<u32>,
    /// The least reward of a result, in gwei of JULIAN (at registration: 0).
    #[arg(long, value_name = "GWEI")]
    pub(crate) base: Option<u64>,
    /// And for 10^12 units of work, in gwei (at registration: 0).
    #[arg(long, value_name = "GWEI")]
    pub(crate) price: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BackendArg {
    /// The processor.
    Cpu,
    /// A card.
    Cuda,
    /// A card if there is one.
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Where to (default: the operator).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<Address>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("wanted").args(["capacity", "base", "price"]).required(true).multiple(true))]
pub(crate) struct TermsArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) terms: WantedArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AttestArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    /// The class: an index into the contract's `classes()` (default: the one that the worker has).
    #[arg(long, value_name = "INDEX")]
    pub(crate) class: Option<u8>,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("who").args(["set", "none"]).required(true))]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// The account that may act for the worker, and pays gas for what it does. Rewards stay the
    /// operator's.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) set: Option<Address>,
    /// Nobody but the operator.
    #[arg(long)]
    pub(crate) none: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// How much more, in JULIAN.
    #[arg(long, value_name = "JULIAN", value_parser = parse_amount)]
    pub(crate) add: U256,
}

/// JULIAN, and not nothing.
fn parse_amount(text: &str) -> Result<U256, String> {
    match mfenx_node::parse_julian(text) {
        Ok(U256::ZERO) => Err("nothing is added".into()),
        amount => amount.map_err(|error| error.to_string()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct LapseArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// The job, as the contract's `resultOf(order, slot)` and the events name it.
    #[arg(value_name = "JOB", value_parser = parse_job)]
    pub(crate) job: U256,
}

/// Decimal, or hexadecimal after `0x`.
fn parse_job(text: &str) -> Result<U256, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not the number of a job: decimal, or 0x and hexadecimal"))
}

#[derive(Debug, Args)]
pub(crate) struct MissArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// The round, as the event `RoundOpened` names it.
    #[arg(value_name = "ROUND", value_parser = parse_round)]
    pub(crate) round: U256,
    /// The worker's name, as `mfenx worker` and `status` print it.
    #[arg(value_name = "WORKER")]
    pub(crate) worker: Address,
}

/// Decimal, or hexadecimal after `0x`; the contract counts rounds in 32 bits.
fn parse_round(text: &str) -> Result<U256, String> {
    let wrong = || format!("`{text}` is not the number of a round: decimal, or 0x and hexadecimal");
    let round: U256 = text.parse().map_err(|_| wrong())?;
    if round > U256::from(u32::MAX) { Err(wrong()) } else { Ok(round) }
}

#[derive(Debug, Args)]
pub(crate) struct RefreshArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// The worker's name, as `mfenx worker` and `status` print it.
    #[arg(value_name = "WORKER")]
    pub(crate) worker: Address,
}

#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// How often to look for a block, in milliseconds: the precision of what is reported.
    #[arg(long, default_value_t = 50, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=10_000))]
    pub(crate) poll: u64,
}

impl ObserveArgs {
    pub(crate) const fn interval(&self) -> Duration {
        Duration::from_millis(self.poll)
    }
}

#[derive(Debug, Args)]
pub(crate) struct DevicesArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
