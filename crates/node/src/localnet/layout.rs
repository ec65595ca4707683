//! The directory of a local network.
//!
//! `chain.json`, and for each node a directory `validator-N` or `follower-N` with `data` (its data
//! directory), `log`, and for an authority `keys`. The chain file is written last: where it is,
//! everything else is.

use crate::{
    datadir::{file_error, read_chain},
    error::NodeError,
    genesis::{EPOCH_BLOCKS, Funded, GenesisFile, GenesisPlan},
    keys,
};
use alloy_primitives::{B256, U256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::Quorum;
use std::{
    fs,
    path::{Path, PathBuf},
};

const CHAIN_FILE: &str = "chain.json";
const REGISTRATION_FILE: &str = "registration.json";

/// What each operator has at genesis, in wei: ten JULIAN, which pay for hundreds of votes.
const OPERATOR_BALANCE: U256 = U256::from_limbs([10_000_000_000_000_000_000, 0, 0, 0]);

/// What a network is made with, and must have been made with to go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// How many authorities.
    pub(super) validators: u16,
    /// Of a network that is there, or of one that is made, what it would have without.
    pub(super) quorum: Option<Quorum>,
    pub(super) epoch_blocks: Option<u64>,
}

/// Where a local network is kept, and its chain.
#[derive(Debug)]
pub(super) struct Layout {
    directory: PathBuf,
    validators: u16,
    pub(super) chain_id: u64,
    pub(super) genesis_hash: B256,
    pub(super) quorum: Quorum,
}

/// The place of one node.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    pub(super) is_validator: bool,
}

impl Place {
    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }
}

impl Layout {
    /// Opens the network that `directory` holds, or makes one there; whether it was there.
    ///
    /// # Errors
    /// It holds something else, or a network of other authorities.
    pub(super) fn open_or_make(directory: &Path, rules: Rules) -> Result<(Self, bool), NodeError> {
        fs::create_dir_all(directory).map_err(|source| file_error(directory, source))?;
        let is_old = directory.join(CHAIN_FILE).exists();
        if !is_old {
            make(directory, rules)?;
        }
        Ok((Self::open(directory, rules)?, is_old))
    }

    /// Opens a network that is there.
    fn open(directory: &Path, rules: Rules) -> Result<Self, NodeError> {
        let Rules { validators, quorum, epoch_blocks } = rules;
        let path = directory.join(CHAIN_FILE);
        let refused = |reason: String| NodeError::Localnet { path: path.clone(), reason };
        let spec = read_chain(&path)?;
        if !validator(directory, 1).keys().exists() {
            let reason = "is the chain of something else: there is no validator-1 with keys beside it; \
                          name an empty or a new --datadir";
            return Err(refused(reason.to_owned()));
        }
        let Some(consensus) = spec.consensus() else { return Err(NodeError::NoAuthorities) };
        let held = consensus.authorities.len();
        if held != usize::from(validators) {
            return Err(refused(format!(
                "has {held} authorities, not {validators}; say --validators {held}, or name another \
                 --datadir"
            )));
        }
        if quorum.is_some_and(|wanted| wanted != consensus.quorum) {
            let reason = "has another quorum rule; name another --datadir for a new network";
            return Err(refused(reason.to_owned()));
        }
        if epoch_blocks.is_some_and(|wanted| wanted != consensus.epoch_blocks) {
            let held = consensus.epoch_blocks;
            let reason =
                format!("has epochs of {held} blocks; name another --datadir for a new network");
            return Err(refused(reason));
        }
        Ok(Self {
            directory: directory.to_owned(),
            validators,
            chain_id: spec.chain_id(),
            genesis_hash: spec.genesis_header().hash(),
            quorum: consensus.quorum,
        })
    }

    /// The chain file.
    pub(super) fn chain(&self) -> PathBuf {
        self.directory.join(CHAIN_FILE)
    }

    /// The places of the authorities and of `followers` followers.
    pub(super) fn places(&self, followers: u16) -> Vec<Place> {
        let validators = (1..=self.validators).map(|number| validator(&self.directory, number));
        let follower = |number: u16| Place {
            name: format!("follower-{number}"),
            directory: self.directory.join(format!("follower-{number}")),
            is_validator: false,
        };
        validators.chain((1..=followers).map(follower)).collect()
    }
}

fn validator(directory: &Path, number: u16) -> Place {
    let name = format!("validator-{number}");
    Place { directory: directory.join(&name), name, is_validator: true }
}

/// Makes keys and a chain whose accounts are those of `mfenx dev`.
fn make(directory: &Path, rules: Rules) -> Result<(), NodeError> {
    let failed = |source| file_error(directory, source);
    if let Some(entry) = fs::read_dir(directory).map_err(failed)?.next() {
        let found = entry.map_err(failed)?.file_name();
        return Err(NodeError::Localnet {
            path: directory.to_owned(),
            reason: format!(
                "holds {found:?} and no {CHAIN_FILE}: it is not a local network, or one that was \
                 not finished; name an empty or a new directory"
            ),
        });
    }
    let base =
        ChainSpec::dev().map_err(|source| NodeError::Chain { origin: "dev".into(), source })?;
    let (mut authorities, mut fund) = (Vec::new(), Vec::new());
    for place in (1..=rules.validators).map(|number| validator(directory, number)) {
        fs::create_dir(&place.directory).map_err(|source| file_error(&place.directory, source))?;
        let operator = keys::new(&place.keys(), None)?.operator;
        fund.push(Funded { address: operator, amount: OPERATOR_BALANCE });
        let registration = keys::register(&place.keys(), None, base.chain_id())?;
        let path = place.directory.join(REGISTRATION_FILE);
        fs::write(&path, registration.to_json()).map_err(|source| file_error(&path, source))?;
        authorities.push((path, 1));
    }
    let epoch_blocks = rules.epoch_blocks.unwrap_or(EPOCH_BLOCKS);
    let quorum = rules.quorum;
    let plan = GenesisPlan { base, authorities, quorum, epoch_blocks, fund, admission: None };
    GenesisFile::make(plan)?.write_new(&directory.join(CHAIN_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(outcome: Result<(Layout, bool), NodeError>) -> String {
        let error = outcome.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    const fn rules(validators: u16, quorum: Option<Quorum>) -> Rules {
        Rules { validators, quorum, epoch_blocks: None }
    }

    #[test]
    fn a_network_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let (made, is_old) = Layout::open_or_make(&path, rules(3, None)).unwrap();
        assert!(!is_old && made.quorum == Quorum::Majority);
        let (found, is_old) =
            Layout::open_or_make(&path, rules(3, Some(Quorum::Majority))).unwrap();
        assert!(is_old && found.genesis_hash == made.genesis_hash);
        let places = found.places(2);
        let names: Vec<_> = places.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(
            names,
            ["validator-1", "validator-2", "validator-3", "follower-1", "follower-2"]
        );
        assert!(places[2].keys().join("consensus.key").exists());
        assert!(refused(Layout::open_or_make(&path, rules(4, None))).contains("--validators 3"));
        assert!(
            refused(Layout::open_or_make(&path, rules(3, Some(Quorum::Bft)))).contains("quorum")
        );
        let other = Rules { epoch_blocks: Some(7), ..rules(3, None) };
        assert!(refused(Layout::open_or_make(&path, other)).contains("epochs of 1200 blocks"));
    }

    #[test]
    fn the_accounts_of_a_development_chain_have_something() {
        let dir = tempfile::tempdir().unwrap();
        Layout::open_or_make(dir.path(), rules(1, None)).unwrap();
        let spec = read_chain(&dir.path().join(CHAIN_FILE)).unwrap();
        for account in crate::dev_accounts().unwrap() {
            assert!(spec.alloc().contains_key(&account.address));
        }
        let operator = spec.consensus().unwrap().authorities[0].operator;
        assert_eq!(spec.alloc()[&operator].balance, OPERATOR_BALANCE, "it could not vote");
    }

    #[test]
    fn a_directory_of_something_else_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.tex"), "x").unwrap();
        assert!(refused(Layout::open_or_make(dir.path(), rules(3, None))).contains("thesis.tex"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        // A ceremony's directory has a chain file of the same name.
        let ceremony = tempfile::tempdir().unwrap();
        let chain = ChainSpec::dev().unwrap();
        let text = serde_json::to_string(chain.genesis()).unwrap();
        fs::write(ceremony.path().join(CHAIN_FILE), text).unwrap();
        let said = refused(Layout::open_or_make(ceremony.path(), rules(3, None)));
        assert!(said.contains("no validator-1"), "{said}");
    }
}
