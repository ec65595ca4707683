use super::*;
use alloy_primitives::{B256, U256, address, b256, keccak256};
use mfenx_primitives::Header;
use serde_json::{Value, json};

fn minimal() -> Value {
    json!({
        "config": {"chainId": 7, "homesteadBlock": 0, "eip150Block": 2, "eip155Block": 3,
            "eip158Block": 3, "byzantiumBlock": 4, "constantinopleBlock": 5},
        "gasLimit": "0x47b760",
        "difficulty": "0x20000",
        "alloc": {"0x00000000000000000000000000000000000000aa": {"balance": "0x1"}}
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Result<ChainSpec, ChainSpecError> {
    let mut genesis = minimal();
    change(&mut genesis);
    ChainSpec::from_genesis_json(&genesis.to_string())
}

#[test]
fn embedded_chains_are_osaka_from_genesis() {
    for spec in [ChainSpec::mfenx().unwrap(), ChainSpec::dev().unwrap()] {
        assert_eq!(spec.chain_id(), MFENX_CHAIN_ID);
        let header = spec.genesis_header();
        assert!(spec.is_paris_active_at_block(0));
        assert!(spec.is_osaka_active_at_timestamp(header.timestamp));
        assert_eq!(header.gas_limit, 120_000_000);
        assert_eq!(header.base_fee_per_gas, Some(1_000_000_000));
        assert_eq!(header.excess_blob_gas, Some(0));
        assert!(header.requests_hash.is_some());
        assert_eq!(spec.blob_params_at(header.timestamp), Some(BlobParams::osaka()));
        assert_eq!(spec.tx_gas_limit_cap_at(header.timestamp), Some(1 << 24));
    }
}

/// The system contracts stand where the EIPs put them, with the code the EIPs give; the
/// deterministic deployer's code hash is the one its deployments on public chains have.
#[test]
fn predeploys_are_the_published_ones() {
    let spec = ChainSpec::mfenx().unwrap();
    let hash = |address| spec.alloc()[&address].code_hash().unwrap();
    use alloy_eips::{eip2935, eip4788, eip7002, eip7251};
    for (address, code) in [
        (eip2935::HISTORY_STORAGE_ADDRESS, &eip2935::HISTORY_STORAGE_CODE),
        (eip4788::BEACON_ROOTS_ADDRESS, &eip4788::BEACON_ROOTS_CODE),
        (
            eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            &eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_CODE,
        ),
        (
            eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            &eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_CODE,
        ),
    ] {
        assert_eq!(hash(address), keccak256(code));
    }
    assert_eq!(
        hash(address!("4e59b44847b379578588920ca78fbf26c0b4956c")),
        b256!("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"),
    );
}

#[test]
fn dev_accounts_hold_ten_thousand_each() {
    let spec = ChainSpec::dev().unwrap();
    let rich = U256::from(10_000) * U256::from(10).pow(U256::from(18));
    let funded = spec.alloc().values().filter(|account| account.balance == rich).count();
    assert_eq!(funded, 10);
    let total: U256 = spec.alloc().values().map(|account| account.balance).sum();
    assert_eq!(total, rich * U256::from(10));
}

#[test]
fn unknown_fields_are_refused_wherever_they_stand() {
    let top = with(|genesis| genesis["gaslimit"] = json!("0x1")).unwrap_err();
    assert!(top.to_string().contains("unknown field `gaslimit`"), "{top}");
    let config = with(|genesis| genesis["config"]["pragTime"] = json!(0)).unwrap_err();
    assert!(config.to_string().contains("unknown field `pragTime`"), "{config}");
    let account = with(|genesis| {
        genesis["alloc"]["0x00000000000000000000000000000000000000aa"]["balanc"] = json!("0x1");
    });
    assert!(account.unwrap_err().to_string().contains("balanc"));
    let ours = with(|genesis| genesis["config"]["mfenx"] = json!({"blockTime": 1}));
    assert!(ours.unwrap_err().to_string().contains("blockTime"));
    let blobs = with(|genesis| {
        let params = json!({"target": 3, "max": 6, "baseFeeUpdateFraction": 1});
        genesis["config"]["blobSchedule"] = json!({"cancum": params});
    });
    assert!(blobs.unwrap_err().to_string().contains("cancum"));
}

#[test]
fn missing_and_contradicting_fields_are_named() {
    for field in ["config", "alloc", "gasLimit"] {
        let error = with(|genesis| {
            genesis.as_object_mut().unwrap().remove(field);
        });
        assert!(error.unwrap_err().to_string().contains(&format!("`{field}`")));
    }
    let twice = with(|genesis| {
        genesis["alloc"]["00000000000000000000000000000000000000AA"] = json!({"balance": "0x2"});
    });
    assert!(twice.unwrap_err().to_string().contains("twice"));
    let order = with(|genesis| genesis["config"]["byzantiumBlock"] = json!(1)).unwrap_err();
    assert!(matches!(order, ChainSpecError::ForkOrder { later: "byzantiumBlock", .. }), "{order}");
    let gap = with(|genesis| genesis["config"]["londonBlock"] = json!(9)).unwrap_err();
    assert!(gap.to_string().contains("berlinBlock is not scheduled"), "{gap}");
    let split = with(|genesis| genesis["config"]["eip155Block"] = json!(2)).unwrap_err();
    assert!(split.to_string().contains("Spurious Dragon"));
    let gas = with(|genesis| genesis["gasLimit"] = json!("0x0")).unwrap_err();
    assert!(gas.to_string().contains("gasLimit"), "{gas}");
    let clique = with(|genesis| genesis["config"]["clique"] = json!({"period": 1})).unwrap_err();
    assert!(matches!(clique, ChainSpecError::UnsupportedSeal("clique")), "{clique}");
    let future = with(|genesis| genesis["config"]["amsterdamTime"] = json!(2)).unwrap_err();
    assert!(matches!(future, ChainSpecError::UnsupportedFork("amsterdamTime")));
}

#[test]
fn schedule_follows_the_file() {
    let spec = with(|_| {}).unwrap();
    assert!(spec.is_homestead_active_at_block(0));
    assert!(!spec.is_spurious_dragon_active_at_block(2));
    assert!(spec.is_spurious_dragon_active_at_block(3));
    // go-ethereum: Petersburg comes with Constantinople unless it has a block of its own.
    assert!(spec.is_petersburg_active_at_block(5));
    assert!(!spec.is_paris_active_at_block(u64::MAX));
    assert_eq!(spec.next_base_fee(&Header::default()), None);
    assert_eq!(spec.genesis_header().base_fee_per_gas, None);
}

#[test]
fn merge_needs_a_block_when_it_is_not_at_genesis() {
    let before = |genesis: &mut Value| {
        for fork in ["istanbulBlock", "berlinBlock", "londonBlock"] {
            genesis["config"][fork] = json!(6);
        }
        genesis["config"]["shanghaiTime"] = json!(100);
        genesis["config"]["terminalTotalDifficulty"] = json!(1_000_000);
    };
    let error = with(before).unwrap_err();
    assert!(error.to_string().contains("mergeNetsplitBlock"), "{error}");
    let spec = with(|genesis| {
        before(genesis);
        genesis["config"]["mergeNetsplitBlock"] = json!(8);
    })
    .unwrap();
    assert!(!spec.is_paris_active_at_block(7));
    assert!(spec.is_paris_active_at_block(8));
    let parent = Header { number: 5, ..Default::default() };
    assert_eq!(spec.next_base_fee(&parent), Some(1_000_000_000));
}

#[test]
fn blob_schedule_picks_the_latest_active() {
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    genesis.config.bpo1_time = Some(u64::MAX - 5);
    let spec = ChainSpec::from_genesis(genesis.clone()).unwrap();
    assert_eq!(spec.blob_params_at(u64::MAX - 6), Some(BlobParams::osaka()));
    assert_eq!(spec.blob_params_at(u64::MAX - 5), Some(BlobParams::bpo1()));
    genesis.config.bpo3_time = Some(u64::MAX);
    let error = ChainSpec::from_genesis(genesis).unwrap_err();
    assert!(error.to_string().contains("bpo3"), "{error}");
}

#[test]
fn other_chain_id_keeps_the_genesis_block() {
    let dev = ChainSpec::dev().unwrap();
    let other = dev.clone().with_chain_id(1337);
    assert_eq!(other.chain_id(), 1337);
    assert_eq!(other.genesis_header().hash(), dev.genesis_header().hash());
    assert_ne!(dev.genesis_header().state_root, B256::ZERO);
}
