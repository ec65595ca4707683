//! Nodes for tests: a store, a pool, a network on loopback, an engine.

use crate::{
    Chain, Engine, EngineConfig, EngineError, EngineOptions, EngineStatus, HeadFeed, Participation,
    ValidatorKeys,
};
use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use mfenx_chainspec::{ChainSpec, ConsensusParams, ConsensusTimeouts, REGISTRY_ADDRESS};
use mfenx_consensus::{
    Certificate, ConsensusKey, Domain, Evidence, Height, NilOrVal, Operator, Round, ValidatorSet,
    Vote, VoteType,
};
use mfenx_network::{
    Direction, GossipMessage, Head, Identity, Limits, Network, NetworkConfig, NetworkEvent,
    NetworkHandle, PeerAddress, PeerId, PeerInfo,
};
use mfenx_primitives::{AccountState, Authority, Quorum, RecoveredTransaction, Transaction};
use mfenx_storage::{Durability, Store, StoreOptions};
use mfenx_txpool::{PoolConfig, PoolHandle, SenderState};
use mfenx_vrf::SecretKey;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Nothing here takes that long; a busy machine may.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

const PHRASE: &str = "test test test test test test test test test test test junk";

pub(super) fn operator(index: u8) -> Address {
    Address::repeat_byte(index + 1)
}

pub(super) fn identity(index: u8) -> Identity {
    Identity::from_seed(&mut [0xa0 + index; 32]).unwrap()
}

pub(crate) fn keys(index: u8) -> ValidatorKeys {
    ValidatorKeys {
        operator: operator(index),
        consensus: ConsensusKey::from_seed(&[0x10 + index; 32]),
        vrf: SecretKey::from_seed([0x50 + index; 32]),
    }
}

/// The same keys under an operator who has something, and can sign transactions.
pub(super) fn keys_of_signer(index: u8) -> ValidatorKeys {
    ValidatorKeys { operator: signer(index.into()).address(), ..keys(index) }
}

pub(super) fn authority(index: u8, keys: &ValidatorKeys) -> Authority {
    Authority {
        operator: keys.operator,
        consensus_key: keys.consensus.public_key().to_bytes(),
        vrf_key: *keys.vrf.public_key().as_bytes(),
        peer_id: identity(index).peer_id_bytes(),
        power: 1,
    }
}

/// The development chain with `count` authorities and blocks every `block_ms`.
pub(in super::super) fn spec(count: u8, quorum: Quorum, block_ms: u64) -> Arc<ChainSpec> {
    spec_of_epochs(count, quorum, block_ms, 1_000)
}

/// The same with epochs of `epoch_blocks`.
pub(super) fn spec_of_epochs(
    count: u8,
    quorum: Quorum,
    block_ms: u64,
    epoch_blocks: u64,
) -> Arc<ChainSpec> {
    let authorities = (0..count).map(|index| authority(index, &keys(index)));
    spec_of(authorities.collect(), quorum, block_ms, epoch_blocks)
}

pub(super) fn spec_of(
    authorities: Vec<Authority>,
    quorum: Quorum,
    block_ms: u64,
    epoch_blocks: u64,
) -> Arc<ChainSpec> {
    let timeouts =
        ConsensusTimeouts { propose_ms: 1_000, prevote_ms: 200, precommit_ms: 200, delta_ms: 200 };
    spec_with(ConsensusParams { quorum, epoch_blocks, authorities, timeouts }, block_ms)
}

pub(super) fn spec_with(params: ConsensusParams, block_ms: u64) -> Arc<ChainSpec> {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    let section = genesis.config.extra_fields.get_mut("mfenx").unwrap();
    section["blockTimeMs"] = block_ms.into();
    section["idleBlockTimeMs"] = (block_ms * 4).into();
    params.install(&mut genesis).unwrap();
    Arc::new(ChainSpec::from_genesis(genesis).unwrap())
}

/// Two votes at `height` that these keys may not both sign.
pub(in super::super) fn evidence_against(
    spec: &ChainSpec,
    keys: &ValidatorKeys,
    height: u64,
) -> Evidence {
    let domain = Domain { chain_id: spec.chain_id(), genesis_hash: spec.genesis_header().hash() };
    let vote = |byte| {
        let vote = Vote {
            kind: VoteType::Prevote,
            height: Height(height),
            round: Round::new(0),
            value: NilOrVal::Val(B256::repeat_byte(byte)),
            operator: Operator(keys.operator),
        };
        keys.consensus.sign_vote(&domain, vote)
    };
    Evidence::of_votes(vote(1), vote(2)).unwrap()
}

/// A certificate of the first three authorities for any block, as only liars could make it.
pub(super) fn certify(
    chain: &Chain,
    set: &ValidatorSet,
    (number, round): (u64, u32),
    hash: B256,
) -> Certificate {
    let mut signatures: Vec<_> = (0..3)
        .map(|index| {
            let keys = keys(index);
            let operator = Operator(keys.operator);
            let vote = Vote {
                kind: VoteType::Precommit,
                height: Height(number),
                round: Round::new(round),
                value: NilOrVal::Val(hash),
                operator,
            };
            let signed = keys.consensus.sign_vote(&chain.domain(), vote);
            (set.index_of(&operator).unwrap(), signed.signature)
        })
        .collect();
    signatures.sort_by_key(|(index, _)| *index);
    Certificate { height: Height(number), round, block_hash: hash, signatures }
}

/// A directory of a node, which outlives the node.
pub(super) fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// What is shown of a peer that claims a head.
pub(in super::super) fn claiming(peer: PeerId, number: u64) -> PeerInfo {
    PeerInfo {
        peer,
        address: "/ip4/192.0.2.1/tcp/1".parse().unwrap(),
        direction: Direction::Inbound,
        agent: String::new(),
        head: Head { number, hash: B256::with_last_byte(number as u8) },
        score: 0.0,
        latency: None,
        connected_for: Duration::ZERO,
        pinned: false,
    }
}

pub(super) struct Node {
    pub(super) chain: Chain,
    pub(super) pool: PoolHandle,
    pub(super) feed: HeadFeed,
    pub(super) network: NetworkHandle,
    pub(super) status: watch::Receiver<EngineStatus>,
    stop: CancellationToken,
    engine: JoinHandle<Result<(), EngineError>>,
    swarm: JoinHandle<()>,
}

/// Opens a store as soon as what a killed node's threads were writing is written.
pub(super) fn open_chain(path: &Path, spec: &Arc<ChainSpec>) -> Chain {
    let (start, path) = (std::time::Instant::now(), path.join("store"));
    let store = loop {
        let options = StoreOptions { durability: Durability::Volatile, ..Default::default() };
        match Store::open(&path, options) {
            Ok(store) => break store,
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Chain::open(Arc::clone(spec), store).unwrap()
}

/// Which gossip is heard.
pub(super) type Sieve = Box<dyn FnMut(&GossipMessage) -> bool + Send>;

fn sift(
    mut events: mpsc::Receiver<NetworkEvent>,
    mut sieve: Sieve,
) -> mpsc::Receiver<NetworkEvent> {
    let (sender, sifted) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let heard = match &event {
                NetworkEvent::Gossip(message) => sieve(message),
                _ => true,
            };
            if heard && sender.send(event).await.is_err() {
                return;
            }
        }
    });
    sifted
}

/// Starts a network that dials `others`.
pub(super) fn network(
    chain: &Chain,
    identity: Identity,
    authority: bool,
    others: &[PeerAddress],
) -> (NetworkHandle, mpsc::Receiver<NetworkEvent>, mfenx_network::NetworkTask) {
    let mut config = NetworkConfig::new(identity, chain.identity());
    config.listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    config.persistent = others.to_vec();
    config.pinned = chain.authority_peers().unwrap();
    config.consensus = authority;
    config.head = chain.network_head().unwrap();
    config.limits = Limits { redial_max: Duration::from_secs(1), ..Limits::default() };
    Network::start(config).unwrap()
}

impl Node {
    /// A node that dials `others`; an authority when it has an index.
    pub(super) fn start(
        path: &Path,
        spec: &Arc<ChainSpec>,
        index: Option<u8>,
        others: &[PeerAddress],
    ) -> Self {
        let identity = index.map_or_else(Identity::generate, identity);
        Self::try_start(path, spec, index.map(keys), identity, others).unwrap()
    }

    pub(super) fn try_start(
        path: &Path,
        spec: &Arc<ChainSpec>,
        keys: Option<ValidatorKeys>,
        identity: Identity,
        others: &[PeerAddress],
    ) -> Result<Self, EngineError> {
        Self::launch(path, spec, (keys, identity), others, (None, EngineOptions::default()))
    }

    /// The authority `index`, which does not wait for those that are missing on a new chain. It is
    /// told that its keys never signed when it `trusts` its directory.
    pub(super) fn start_at_once(
        path: &Path,
        spec: &Arc<ChainSpec>,
        index: u8,
        others: &[PeerAddress],
        trusts: bool,
    ) -> Self {
        let who = (Some(keys(index)), identity(index));
        let options = EngineOptions {
            trust_empty_directory: trusts,
            gather_time: Duration::ZERO,
            ..EngineOptions::default()
        };
        Self::launch(path, spec, who, others, (None, options)).unwrap()
    }

    /// The authority `index`, which hears only what passes the sieve.
    pub(super) fn start_behind(
        path: &Path,
        spec: &Arc<ChainSpec>,
        index: u8,
        others: &[PeerAddress],
        sieve: Sieve,
    ) -> Self {
        let who = (Some(keys(index)), identity(index));
        Self::launch(path, spec, who, others, (Some(sieve), EngineOptions::default())).unwrap()
    }

    fn launch(
        path: &Path,
        spec: &Arc<ChainSpec>,
        (keys, identity): (Option<ValidatorKeys>, Identity),
        others: &[PeerAddress],
        (sieve, options): (Option<Sieve>, EngineOptions),
    ) -> Result<Self, EngineError> {
        let chain = open_chain(path, spec);
        let head = chain.head().unwrap();
        let pool = PoolHandle::new(Arc::clone(spec), PoolConfig::default(), &head);
        let feed = HeadFeed::new(head);
        let (network, events, task) = network(&chain, identity, keys.is_some(), others);
        let stop = CancellationToken::new();
        let events = match sieve {
            Some(sieve) => sift(events, sieve),
            None => events,
        };
        let ended = stop.clone();
        let swarm = tokio::spawn(async move { task.run(ended).await.unwrap() });
        let engine = Engine::new(EngineConfig {
            chain: chain.clone(),
            pool: pool.clone(),
            feed: feed.clone(),
            network: network.clone(),
            events,
            keys,
            directory: path.join("consensus"),
            options,
        })?;
        let status = engine.status();
        let engine = tokio::spawn(engine.run(stop.clone()));
        Ok(Self { chain, pool, feed, network, status, stop, engine, swarm })
    }

    pub(super) async fn address(&self) -> PeerAddress {
        let addresses = self.network.listening().await;
        PeerAddress { peer: self.network.local_peer_id(), addresses: addresses.to_vec() }
    }

    /// Stops the node and gives its store back.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.engine.await.unwrap().unwrap();
        self.swarm.await.unwrap();
        self.chain.store().clone().close().unwrap();
    }

    /// Ends the node in the middle of whatever it does, as a crash would.
    pub(super) async fn kill(self) {
        self.engine.abort();
        let _ = self.engine.await;
        self.stop.cancel();
        self.swarm.await.unwrap();
    }

    /// Why the engine ended by itself.
    pub(super) async fn outcome(self) -> Result<(), EngineError> {
        let ended = timeout(DEADLINE, self.engine).await.unwrap().unwrap();
        self.stop.cancel();
        ended
    }

    pub(super) fn height(&self) -> u64 {
        self.feed.latest().borrow().number
    }

    pub(super) async fn reach(&self, height: u64) {
        let mut latest = self.feed.latest();
        let reached = timeout(DEADLINE, latest.wait_for(|head| head.number >= height)).await;
        assert!(
            reached.is_ok(),
            "stuck at {} instead of {height}: {:?}",
            self.height(),
            *self.status.borrow()
        );
    }

    pub(super) fn hash(&self, number: u64) -> B256 {
        self.chain.store().reader().unwrap().block_hash(number).unwrap().unwrap()
    }

    /// Sends `5` wei from a funded account.
    pub(super) fn send(&self, from: u32, nonce: u64) -> B256 {
        self.send_input(from, nonce, Bytes::new(), 21_000)
    }

    /// Sends `5` wei and something to read.
    pub(super) fn send_input(&self, from: u32, nonce: u64, input: Bytes, gas_limit: u64) -> B256 {
        let to = TxKind::Call(Address::repeat_byte(0x77));
        let value = U256::from(5);
        self.sign_and_send(from, TxEip1559 { nonce, gas_limit, input, to, value, ..<_>::default() })
    }

    /// Calls the registry of authorities.
    pub(super) fn send_to_registry(&self, from: u32, nonce: u64, call: Vec<u8>) -> B256 {
        let to = TxKind::Call(REGISTRY_ADDRESS);
        let (input, gas_limit) = (Bytes::from(call), 3_000_000);
        self.sign_and_send(from, TxEip1559 { nonce, gas_limit, input, to, ..<_>::default() })
    }

    fn sign_and_send(&self, from: u32, unsigned: TxEip1559) -> B256 {
        let unsigned = TxEip1559 {
            chain_id: self.chain.spec().chain_id(),
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            ..unsigned
        };
        let signer = signer(from);
        let signature = signer.sign_hash_sync(&unsigned.signature_hash()).unwrap();
        let transaction = Transaction::Eip1559(unsigned.into_signed(signature));
        let transaction = RecoveredTransaction::new_unchecked(transaction, signer.address());
        let reader = self.chain.store().reader().unwrap();
        let account = reader.latest_state().account(signer.address()).unwrap();
        let head_number = reader.head().unwrap().number;
        let account = account.unwrap_or(AccountState::EMPTY);
        let state = SenderState { account, has_foreign_code: false, head_number };
        self.pool.add(transaction, state).unwrap()
    }

    /// The block that a transaction is in, once there is one.
    pub(super) async fn mined(&self, hash: B256) -> u64 {
        let mut latest = self.feed.latest();
        let search = async {
            loop {
                let reader = self.chain.store().reader().unwrap();
                if let Some(place) = reader.transaction_location(hash).unwrap() {
                    return place.block_number;
                }
                drop(reader);
                latest.changed().await.unwrap();
            }
        };
        let found = timeout(DEADLINE, search).await;
        found.unwrap_or_else(|_| panic!("{hash} not mined: {:?}", *self.status.borrow()))
    }
}

fn signer(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default().phrase(PHRASE).index(index).unwrap().build().unwrap()
}

/// Starts authorities that all know each other. When they are all of them, waits until each votes: one
/// that does not is down, and a test that ends another has two.
pub(super) async fn authorities(
    directories: &[tempfile::TempDir],
    spec: &Arc<ChainSpec>,
) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for (index, directory) in directories.iter().enumerate() {
        let others = addresses(&nodes).await;
        nodes.push(Node::start(directory.path(), spec, Some(index as u8), &others));
    }
    if spec.consensus().unwrap().authorities.len() == nodes.len() {
        all_vote(&nodes).await;
    }
    nodes
}

/// Waits until each of them votes.
pub(super) async fn all_vote(nodes: &[Node]) {
    for node in nodes {
        let mut status = node.status.clone();
        let votes = status.wait_for(|status| status.participation == Participation::Validator);
        let status = timeout(DEADLINE, votes).await.map(|status| status.unwrap().clone());
        assert!(status.is_ok(), "{:?}", *node.status.borrow());
    }
}

/// The first authorities of a chain that has more of them; the others never come.
pub(super) async fn authorities_without_the_last(
    directories: &[tempfile::TempDir],
    spec: &Arc<ChainSpec>,
) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for (index, directory) in directories.iter().enumerate() {
        let others = addresses(&nodes).await;
        nodes.push(Node::start_at_once(directory.path(), spec, index as u8, &others, true));
    }
    nodes
}

pub(super) async fn addresses<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<PeerAddress> {
    let mut addresses = Vec::new();
    for node in nodes {
        addresses.push(node.address().await);
    }
    addresses
}

/// Whether all agree on all blocks up to `height`.
pub(super) fn agree<'a>(nodes: impl IntoIterator<Item = &'a Node>, height: u64) {
    let mut nodes = nodes.into_iter();
    let first = nodes.next().unwrap();
    for node in nodes {
        for number in 0..=height {
            assert_eq!(node.hash(number), first.hash(number), "block {number}");
        }
    }
}
