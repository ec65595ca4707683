//! Arguments of `mfenx keys` and `mfenx genesis`.

use clap::{Args, Subcommand, ValueEnum};
use mfenx_node::{Admission, EPOCH_BLOCKS, Quorum};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the four keys of an authority in a new directory.
    New(NewArgs),
    /// Print the public keys, or the registration data that proves them.
    Show(ShowArgs),
    /// Encrypt the keys of a directory under a passphrase.
    Encrypt(EncryptArgs),
    /// Check the proofs of registration data, as the authorities do before they vote.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The directory; it must be new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// A file with the passphrase of the keys; without it they are in the clear.
    #[arg(long, env = "MFENX_PASSPHRASE_FILE", value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeysDir {
    /// The directory of the keys.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) keys: KeysDir,
    /// Print registration data (JSON), signed with every key.
    #[arg(long)]
    pub(crate) registration: bool,
    /// The chain to register for.
    #[arg(long, env = "MFENX_CHAIN_ID", default_value_t = 177_155, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) chain_id: u64,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    #[command(flatten)]
    pub(crate) keys: KeysDir,
    /// A file with the passphrase.
    #[arg(long, env = "MFENX_PASSPHRASE_FILE", value_name = "FILE")]
    pub(crate) passphrase_file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// What `mfenx keys show --registration` printed.
    #[arg(value_name = "REGISTRATION.json")]
    pub(crate) registration: PathBuf,
    /// The chain it must be for.
    #[arg(long, env = "MFENX_CHAIN_ID", default_value_t = 177_155, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) chain_id: u64,
}

#[derive(Debug, Args)]
pub(crate) struct GenesisArgs {
    /// The chain to start from: `mfenx`, `dev`, or a genesis file without authorities.
    #[arg(long, default_value = "mfenx", value_name = "CHAIN")]
    pub(crate) base: String,
    /// Registration data of an authority, and its power (default 1).
    #[arg(long = "authority", required = true, value_name = "REGISTRATION.json[=POWER]", value_parser = authority)]
    pub(crate) authorities: Vec<(PathBuf, u64)>,
    /// How much of the power decides a block (default: `bft` from four authorities on, else
    /// `majority`).
    #[arg(long, value_name = "RULE")]
    pub(crate) quorum: Option<QuorumArg>,
    /// Blocks of an epoch; a change of the authorities takes effect with the next but one.
    #[arg(long, default_value_t = EPOCH_BLOCKS, value_name = "NUMBER")]
    pub(crate) epoch_blocks: u64,
    /// Give an account so many JULIAN.
    #[arg(long, value_name = "ADDRESS=AMOUNT", value_parser = fund)]
    pub(crate) fund: Vec<Funded>,
    /// What the Compute contract asks of workers (default: what the base says).
    #[arg(long, value_name = "NETWORK")]
    pub(crate) workers: Option<WorkersArg>,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WorkersArg {
    /// 70 points of attestation and 16 * 10^9 bytes of memory.
    Mainnet,
    /// 60 points and 12 * 10^9 bytes.
    Testnet,
}

impl From<WorkersArg> for Admission {
    fn from(workers: WorkersArg) -> Self {
        match workers {
            WorkersArg::Mainnet => Self::MAINNET,
            WorkersArg::Testnet => Self::TESTNET,
        }
    }
}

/// An account and the wei it gets.
pub(crate) type Funded = mfenx_node::Funded;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum QuorumArg {
    /// More than two thirds: some authorities may lie.
    Bft,
    /// More than a half: one of three may fail, none may lie.
    Majority,
}

impl From<QuorumArg> for Quorum {
    fn from(quorum: QuorumArg) -> Self {
        match quorum {
            QuorumArg::Bft => Self::Bft,
            QuorumArg::Majority => Self::Majority,
        }
    }
}

/// A file, and a power behind the last `=` if it is one.
fn authority(text: &str) -> Result<(PathBuf, u64), String> {
    match text.rsplit_once('=') {
        None => Ok((text.into(), 1)),
        Some((path, power)) => match power.parse() {
            Ok(power) if power > 0 => Ok((path.into(), power)),
            _ => Err(format!("`{power}` is no power: write a whole number from 1 on")),
        },
    }
}

fn fund(text: &str) -> Result<Funded, String> {
    mfenx_node::parse_fund(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_and_their_power() {
        assert_eq!(authority("a.json"), Ok(("a.json".into(), 1)));
        assert_eq!(authority("b=c/a.json=7"), Ok(("b=c/a.json".into(), 7)));
        for bad in ["a.json=", "a.json=0", "a.json=-1", "a.json=1.5", "a.json=18446744073709551616"]
        {
            assert!(authority(bad).is_err(), "{bad}");
        }
    }
}
