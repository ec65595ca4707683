//! What the methods work with.

use crate::{
    block_cache::BlockCache,
    consensus::ConsensusRecords,
    discovery::Surface,
    eth::{Filters, ReceiptTexts},
    fee_oracle::FeeOracle,
    head_env::HeadEnv,
    limits::RpcLimits,
    namespace::Namespace,
    pending::PendingCache,
    status::NodeStatus,
    work::Workers,
};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{CommittedBlock, SealedHeader};
use mfenx_storage::Store;
use mfenx_txpool::PoolHandle;
use std::sync::Arc;
use tokio::sync::{Semaphore, broadcast, watch};

/// Everything the methods may look at. Nothing in it lets a caller hold up the node: the store is
/// read through snapshots, the pool through short locks, heads through bounded channels.
#[derive(Clone)]
pub struct RpcContext {
    /// The rules of the chain.
    pub spec: Arc<ChainSpec>,
    /// The store; only ever read.
    pub store: Store,
    /// The pool, which `eth_sendRawTransaction` adds to.
    pub pool: PoolHandle,
    /// The head, announced after it is committed.
    pub head: watch::Receiver<SealedHeader>,
    /// Where subscriptions learn of committed blocks.
    pub committed: broadcast::Sender<Arc<CommittedBlock>>,
    /// Peers, synchronisation, readiness.
    pub status: Arc<NodeStatus>,
    /// Certificates and authorities; none on a chain without them.
    pub consensus: Option<Arc<dyn ConsensusRecords>>,
    /// What one request may cost.
    pub limits: RpcLimits,
    /// What `web3_clientVersion` says, such as `mfenx/v0.1.0/linux-x86_64/rust1.95`.
    pub client_version: String,
}

impl std::fmt::Debug for RpcContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RpcContext").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The context with what the methods share among themselves.
pub(crate) struct Context {
    pub(crate) spec: Arc<ChainSpec>,
    pub(crate) store: Store,
    pub(crate) pool: PoolHandle,
    pub(crate) head: watch::Receiver<SealedHeader>,
    pub(crate) committed: broadcast::Sender<Arc<CommittedBlock>>,
    pub(crate) status: Arc<NodeStatus>,
    pub(crate) consensus: Option<Arc<dyn ConsensusRecords>>,
    pub(crate) limits: RpcLimits,
    pub(crate) client_version: String,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) workers: Workers,
    pub(crate) blocks: BlockCache,
    pub(crate) fees: FeeOracle,
    pub(crate) head_env: HeadEnv,
    pub(crate) pending: PendingCache,
    pub(crate) sync_waiters: Semaphore,
    pub(crate) surface: Surface,
    pub(crate) filters: Filters,
    pub(crate) receipt_texts: ReceiptTexts,
}

impl Context {
    pub(crate) fn new(context: RpcContext, namespaces: &[Namespace]) -> Self {
        let RpcContext {
            spec,
            store,
            pool,
            head,
            committed,
            status,
            consensus,
            limits,
            client_version,
        } = context;
        let mut namespaces = namespaces.to_vec();
        namespaces.sort_unstable();
        namespaces.dedup();
        Self {
            workers: Workers::new(&limits),
            blocks: BlockCache::default(),
            fees: FeeOracle::new(limits.default_tip_wei),
            head_env: HeadEnv::default(),
            pending: PendingCache::new(&limits),
            sync_waiters: Semaphore::new(limits.sync_waiters_max),
            surface: Surface::default(),
            filters: Filters::new(&limits),
            receipt_texts: ReceiptTexts::default(),
            spec,
            store,
            pool,
            head,
            committed,
            status,
            consensus,
            limits,
            client_version,
            namespaces,
        }
    }
}
