use super::*;
use crate::keys;
use std::fs;

/// Registration files of `count` new authorities.
fn registered(dir: &Path, count: usize) -> Vec<(PathBuf, u64)> {
    let register = |index| {
        let keys = dir.join(format!("keys{index}"));
        keys::new(&keys, None).unwrap();
        let registration = keys::register(&keys, None, 177_155).unwrap();
        let path = dir.join(format!("{index}.json"));
        fs::write(&path, registration.to_json()).unwrap();
        (path, 1)
    };
    (0..count).map(register).collect()
}

fn plan(authorities: Vec<(PathBuf, u64)>) -> GenesisPlan {
    GenesisPlan {
        base: ChainSpec::mfenx().unwrap(),
        authorities,
        quorum: None,
        epoch_blocks: 50,
        fund: Vec::new(),
        admission: None,
    }
}

fn refused(plan: GenesisPlan) -> String {
    let error = GenesisFile::make(plan).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn the_file_does_not_depend_on_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut authorities = registered(dir.path(), 4);
    let funded = |byte| Funded { address: Address::repeat_byte(byte), amount: U256::from(byte) };
    let mut first = plan(authorities.clone());
    first.fund = vec![funded(1), funded(2)];
    authorities.reverse();
    let mut second = plan(authorities);
    second.fund = vec![funded(2), funded(1)];
    let [first, second] = [first, second].map(|plan| GenesisFile::make(plan).unwrap());
    assert_eq!(first.json, second.json);
    let consensus = first.spec.consensus().unwrap();
    assert_eq!((consensus.authorities.len(), consensus.quorum), (4, Quorum::Bft));
    assert_eq!(consensus.epoch_blocks, 50);
    assert!(consensus.authorities.is_sorted_by_key(|authority| authority.operator));
    let path = dir.path().join("chain.json");
    first.write_new(&path).unwrap();
    assert_eq!(crate::read_chain(&path).unwrap().genesis_header(), second.spec.genesis_header());
    assert!(matches!(first.write_new(&path), Err(NodeError::File { .. })));
}

#[test]
fn options_are_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(registered(dir.path(), 2));
    plan.authorities[0].1 = 5;
    plan.quorum = Some(Quorum::Bft);
    let file = GenesisFile::make(plan).unwrap();
    let consensus = file.spec.consensus().unwrap();
    assert_eq!(consensus.quorum, Quorum::Bft);
    assert_eq!(consensus.authorities.iter().map(|authority| authority.power).sum::<u64>(), 6);
}

#[test]
fn a_network_of_tests_asks_less_of_workers() {
    let dir = tempfile::tempdir().unwrap();
    let authorities = registered(dir.path(), 1);
    let asked = |admission| {
        let file =
            GenesisFile::make(GenesisPlan { admission, ..plan(authorities.clone()) }).unwrap();
        Admission::of(file.spec.genesis())
    };
    assert_eq!(asked(None), Some(Admission::MAINNET));
    assert_eq!(asked(Some(Admission::TESTNET)), Some(Admission::TESTNET));
    let mut without = ChainSpec::mfenx().unwrap().genesis().clone();
    without.alloc.remove(&COMPUTE_ADDRESS);
    let base = ChainSpec::from_genesis_json(&serde_json::to_string(&without).unwrap()).unwrap();
    let admission = Some(Admission::TESTNET);
    let words = refused(GenesisPlan { base, admission, ..plan(authorities) });
    assert!(words.contains("--workers"), "{words}");
}

#[test]
fn what_is_not_proven_or_stands_twice_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authorities = registered(dir.path(), 2);
    let path = &authorities[1].0;
    let good = fs::read_to_string(path).unwrap();
    let twice = plan(vec![authorities[0].clone(), authorities[0].clone()]);
    assert!(refused(twice).contains("authorities[1].operator"));
    assert!(refused(plan(Vec::new())).contains("there are 0 authorities"));
    fs::write(path, good.replace("177155", "177156")).unwrap();
    let other_chain = refused(plan(authorities.clone()));
    assert!(other_chain.contains("177156") && other_chain.contains("1.json"), "{other_chain}");
    // The operator of one with the proofs of the other.
    let operator = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["operator"].as_str().unwrap().to_owned()
    };
    let first = fs::read_to_string(&authorities[0].0).unwrap();
    fs::write(path, good.replacen(&operator(&good), &operator(&first), 1)).unwrap();
    assert!(refused(plan(authorities.clone())).contains("proofs."));
    fs::write(path, "{}").unwrap();
    assert!(refused(plan(authorities)).contains("not registration data"));
}

#[test]
fn nobody_is_funded_twice() {
    let dir = tempfile::tempdir().unwrap();
    let authorities = registered(dir.path(), 1);
    let with = |fund: &[(Address, u64)]| GenesisPlan {
        base: ChainSpec::dev().unwrap(),
        fund: fund
            .iter()
            .map(|(address, amount)| Funded { address: *address, amount: U256::from(*amount) })
            .collect(),
        ..plan(authorities.clone())
    };
    let poor = Address::repeat_byte(7);
    let rich = crate::dev_accounts().unwrap()[0].address;
    assert!(refused(with(&[(poor, 1), (poor, 1)])).contains("already"));
    assert!(refused(with(&[(rich, 1)])).contains("already"));
    assert!(refused(with(&[(REGISTRY_ADDRESS, 1)])).contains("registry"));
    assert!(refused(with(&[(COMPUTE_ADDRESS, 1)])).contains("Compute"));
    assert!(refused(with(&[(poor, 0)])).contains("more than 0"));
    let file = GenesisFile::make(with(&[(poor, 9)])).unwrap();
    assert_eq!(file.spec.alloc()[&poor].balance, U256::from(9));
    let again = GenesisPlan { base: file.spec, ..plan(authorities) };
    assert!(refused(again).contains("authorities already"));
}

#[test]
fn amounts_are_julian() {
    let account = "0x0101010101010101010101010101010101010101";
    let amount = |text: &str| parse_fund(&format!("{account}={text}")).map(|funded| funded.amount);
    let julian = U256::from(10).pow(U256::from(18));
    assert_eq!(amount("1").unwrap(), julian);
    assert_eq!(
        amount("1000000.000000000000000001").unwrap(),
        julian * U256::from(1_000_000) + U256::ONE
    );
    assert_eq!(amount("0.5").unwrap(), julian / U256::from(2));
    for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "0x10", "1.0000000000000000001", "1_000"] {
        assert!(amount(bad).is_err(), "{bad}");
    }
    assert!(amount(&"9".repeat(80)).is_err());
    assert!(parse_fund(account).unwrap_err().contains("JULIAN"));
    assert!(parse_fund("0x01=1").unwrap_err().contains("address"));
}
