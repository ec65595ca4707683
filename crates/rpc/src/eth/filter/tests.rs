use super::*;
use alloy_primitives::{BloomInput, Bytes};

fn topic(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

fn parse(json: &str) -> Result<(LogFilter, Blocks), String> {
    LogFilter::parse(json, 3)
}

fn filter(json: &str) -> LogFilter {
    parse(json).unwrap().0
}

fn log(address: u8, topics: &[u8]) -> Log {
    let topics = topics.iter().map(|byte| topic(*byte)).collect();
    Log::new_unchecked(Address::repeat_byte(address), topics, Bytes::new())
}

#[test]
fn blocks_are_a_hash_or_a_range() {
    assert_eq!(parse("{}").unwrap().1, Blocks::Range(BlockId::Latest, BlockId::Latest));
    let range = parse(r#"{"fromBlock":"0x3","toBlock":null}"#).unwrap().1;
    assert_eq!(range, Blocks::Range(BlockId::Number(3), BlockId::Latest));
    let one = parse(&format!(r#"{{"blockHash":"{}"}}"#, topic(1))).unwrap().1;
    assert_eq!(one, Blocks::One(topic(1)));
    let both = format!(r#"{{"blockHash":"{}","fromBlock":"0x1"}}"#, topic(1));
    assert!(parse(&both).unwrap_err().starts_with("cannot specify both BlockHash"));
}

#[test]
fn topics_match_by_position() {
    let (one, two) = (topic(1), topic(2));
    let any = filter("{}");
    assert!(any.is_unfiltered() && any.matches(&log(9, &[])));
    let second = filter(&format!(r#"{{"topics":[[],["{two}"]]}}"#));
    assert!(second.matches(&log(9, &[7, 2])));
    assert!(!second.matches(&log(9, &[2])));
    assert!(!second.matches(&log(9, &[2, 1])));
    let null = filter(&format!(r#"{{"topics":[null,"{two}"]}}"#));
    assert!(null.matches(&log(9, &[7, 2])));
    let either = filter(&format!(r#"{{"topics":[["{two}","{one}"]]}}"#));
    assert!(either.matches(&log(9, &[1])) && either.matches(&log(9, &[2, 5])));
    assert!(!either.matches(&log(9, &[3])));
    // A position that is asked for must be there, even if any value will do.
    assert!(!filter(r#"{"topics":[null,null]}"#).matches(&log(9, &[1])));
    let wild = filter(&format!(r#"{{"topics":[["{one}",null]]}}"#));
    assert!(wild.matches(&log(9, &[8])));
}

#[test]
fn addresses_are_one_or_several() {
    let one = filter(&format!(r#"{{"address":"{}"}}"#, Address::repeat_byte(4)));
    assert!(one.matches(&log(4, &[])) && !one.matches(&log(5, &[])));
    let (a, b) = (Address::repeat_byte(6), Address::repeat_byte(4));
    let two = filter(&format!(r#"{{"address":["{a}","{b}"]}}"#));
    assert!(two.matches(&log(4, &[])) && two.matches(&log(6, &[1])) && !two.matches(&log(5, &[])));
    assert!(filter(r#"{"address":[]}"#).is_unfiltered());
}

#[test]
fn blooms_exclude_only_what_cannot_match() {
    let wanted = filter(&format!(
        r#"{{"address":"{}","topics":[null,"{}"]}}"#,
        Address::repeat_byte(4),
        topic(2)
    ));
    let with = |log: Log| {
        let mut bloom = Bloom::ZERO;
        bloom.accrue_log(&log);
        bloom
    };
    assert!(wanted.may_match(&with(log(4, &[1, 2]))));
    assert!(!wanted.may_match(&with(log(5, &[1, 2]))));
    assert!(!wanted.may_match(&with(log(4, &[1, 1]))));
    assert!(filter("{}").may_match(&Bloom::ZERO));
}

#[test]
fn lists_are_bounded_and_nonsense_is_refused() {
    let long =
        format!(r#"{{"address":[{}]}}"#, vec![format!("\"{}\"", Address::ZERO); 4].join(","));
    assert!(parse(&long).unwrap_err().contains("at most 3"));
    let topics =
        format!(r#"{{"topics":[[{}]]}}"#, vec![format!("\"{}\"", B256::ZERO); 4].join(","));
    assert!(parse(&topics).unwrap_err().contains("at most 3"));
    assert!(parse(r#"{"topics":[null,null,null,null,null]}"#).unwrap_err().contains("max topics"));
    for bad in ["[]", "7", r#"{"address":"0x1"}"#, r#"{"topics":["0x1"]}"#, r#"{"fromBlock":"x"}"#]
    {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn bits_are_those_of_a_bloom() {
    assert_eq!(size_of::<BloomBits>(), 6);
    for byte in 0..=u8::MAX {
        let value = Address::repeat_byte(byte);
        let mut bloom = Bloom::from(BloomInput::Raw(value.as_slice()));
        let bits = BloomBits::of(value.as_slice());
        assert!(bits.are_in(&bloom), "{value}");
        // Without any one of its bits it is not in there.
        for index in 0..bloom.len() {
            let whole = bloom[index];
            if whole != 0 {
                bloom[index] = whole & (whole - 1);
                assert!(!bits.are_in(&bloom), "{value} {index}");
                bloom[index] = whole;
            }
        }
    }
}
