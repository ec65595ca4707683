//! Methods that other nodes have and this one will not, and why.

/// Names, and the reason they have in common. A name that ends with `*` stands for all that begin
/// so; everything here is answered as any unknown method is.
pub(crate) const UNSUPPORTED: &[(&[&str], &str)] = &[
    (
        &[
            "eth_sendTransaction",
            "eth_sign",
            "eth_signTransaction",
            "eth_signTypedData*",
            "eth_resend",
            "personal_*",
        ],
        "The node holds no keys: sign in the wallet and use eth_sendRawTransaction.",
    ),
    (
        &[
            "eth_coinbase",
            "eth_getWork",
            "eth_hashrate",
            "eth_mining",
            "eth_submitHashrate",
            "eth_submitWork",
            "miner_*",
        ],
        "There is no mining.",
    ),
    (
        &["eth_compile*", "eth_getCompilers", "eth_protocolVersion", "db_*", "shh_*", "bzz_*"],
        "Ethereum has removed them.",
    ),
    (
        &["engine_*"],
        "Consensus is part of the node: there is no separate client that could drive it.",
    ),
    (&["admin_*"], "Nothing that changes the node is reachable on the public port."),
    (&["clique_*", "les_*", "beacon_*", "lotus_*"], "They belong to another consensus or network."),
    (
        &[
            "debug_chaindb*",
            "debug_dbAncient*",
            "debug_dbGet",
            "debug_dumpBlock",
            "debug_executePayload",
            "debug_getAccessibleState",
            "debug_getTrieFlushInterval",
            "debug_printBlock",
            "debug_seedHash",
            "debug_setHead",
            "debug_setTrieFlushInterval",
            "debug_sync",
        ],
        "A committed block is decided for good, and the database is not for callers: `mfenx db` and \
         `mfenx export` look into it.",
    ),
    (
        &[
            "debug_accountRange",
            "debug_getModifiedAccounts*",
            "debug_preimage",
            "debug_startAccountTracing",
        ],
        "State is kept under the hashes of addresses and slots alone, so it cannot be listed by \
         address.",
    ),
    (
        &[
            "debug_backtraceAt",
            "debug_blockProfile",
            "debug_cpuProfile",
            "debug_freeOSMemory",
            "debug_gcStats",
            "debug_goTrace",
            "debug_memStats",
            "debug_metrics",
            "debug_mutexProfile",
            "debug_setBlockProfileRate",
            "debug_setGCPercent",
            "debug_stacks",
            "debug_startCPUProfile",
            "debug_startGoTrace",
            "debug_stopCPUProfile",
            "debug_stopGoTrace",
            "debug_verbosity",
            "debug_vmodule",
            "debug_write*",
        ],
        "They look into go-ethereum's own process; here `--log` and the metrics port do that.",
    ),
    (
        &[
            "debug_standardTraceBadBlockToFile",
            "debug_standardTraceBlockToFile",
            "debug_traceBadBlock",
            "debug_traceBlockFromFile",
            "debug_traceChain",
        ],
        "Callers neither read nor write files on the node, no bad blocks are kept, and a trace is of \
         one block: debug_traceBlock and debug_traceBlockByNumber have the same content.",
    ),
    (
        &["anvil_*", "evm_*", "hardhat_*", "ganache_*", "tenderly_*"],
        "State, time and senders are never forged, not even on a development chain: state overrides \
         of eth_call and eth_simulateV1 answer most of the same questions.",
    ),
    (
        &[
            "eth_callBundle",
            "eth_cancelBundle",
            "eth_sendBundle",
            "eth_sendPrivateTransaction",
            "eth_sendRawTransactionConditional",
            "flashbots_*",
            "mev_*",
        ],
        "There is no market for places in a block; eth_callMany and eth_simulateV1 simulate.",
    ),
    (
        &[
            "eth_estimateUserOperationGas",
            "eth_getUserOperation*",
            "eth_sendUserOperation",
            "eth_supportedEntryPoints",
        ],
        "They belong to a bundler (ERC-4337), which can be run beside the node.",
    ),
    (
        &["eth_getBlobSidecars", "eth_blobSidecars*"],
        "There is no data-availability layer, so blocks hold no blobs (decision 3).",
    ),
    (
        &["eth_getBlockAccessList*", "debug_getBlockAccessList*"],
        "Blocks have no access lists (EIP-7928) before the fork that brings them.",
    ),
    (
        &[
            "erigon_blockNumber",
            "erigon_cumulativeChainTraffic",
            "erigon_forks",
            "erigon_getBalanceChangesInBlock",
            "erigon_getBlockByTimestamp",
            "erigon_getBlockReceiptsByBlockHash",
            "erigon_getHeaderByHash",
            "erigon_getLatestLogs",
            "erigon_getLogs*",
            "erigon_issuance",
            "erigon_nodeInfo",
        ],
        "Of this namespace only what Otterscan asks is here; eth_* has most of the rest.",
    ),
    (
        &[
            "eth_getBlobSidecars",
            "eth_blobSidecars*",
            "txpool_besu*",
            "parity_*",
            "reth_*",
            "signer_*",
        ],
        "They are of one client alone.",
    ),
];
