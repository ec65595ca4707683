//! The tries of earlier blocks, as far back as they reach: their roots are those of the headers.

use super::VerifyReport;
use crate::{
    error::StoreError,
    reader::Reader,
    trie::{PastTrie, TrieId, trie_root},
};

pub(super) fn verify(
    reader: &Reader,
    report: &mut VerifyReport,
    _progress: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    for number in reader.earliest_trie()?..report.head.number {
        let Some(since) = reader.blocks_since(number)? else { continue };
        let root = PastTrie::open(reader.txn(), TrieId::Accounts, since);
        let root = root.and_then(|mut trie| trie_root(&mut trie));
        let Some(root) = report.absorb(root)? else { continue };
        let claimed = reader.header(number)?.map(|header| header.state_root);
        report.check(claimed == Some(root), || {
            format!("the account trie of block {number} has root {root}")
        });
        report.tries += 1;
    }
    Ok(())
}
