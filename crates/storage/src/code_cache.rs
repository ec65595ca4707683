//! Analysed bytecode by hash, shared by all readers and bounded in bytes.
//!
//! Two generations: when the young one is full it becomes the old one, and the old one is dropped.
//! What is used stays, because a hit in the old generation moves the code into the young one. Code
//! never changes under its hash, so nothing is ever invalidated.

use crate::metrics;
use ::metrics::Counter;
use alloy_primitives::{B256, map::B256Map};
use parking_lot::RwLock;
use revm::bytecode::Bytecode;

/// Bytes of both generations together; jump tables add an eighth.
const CACHE_BYTES: usize = 32 << 20;
/// What an entry costs beside its code.
const ENTRY_BYTES: usize = 256;

#[derive(Debug, Default)]
struct Generations {
    young: B256Map<Bytecode>,
    young_bytes: usize,
    old: B256Map<Bytecode>,
}

/// The cache.
pub(crate) struct CodeCache {
    generations: RwLock<Generations>,
    hits: Counter,
    misses: Counter,
}

impl Default for CodeCache {
    fn default() -> Self {
        let [hits, misses] = metrics::code_cache();
        Self { generations: RwLock::default(), hits, misses }
    }
}

impl CodeCache {
    pub(crate) fn get(&self, hash: &B256) -> Option<Bytecode> {
        let (code, is_old) = {
            let generations = self.generations.read();
            match generations.young.get(hash) {
                Some(code) => (Some(code.clone()), false),
                None => (generations.old.get(hash).cloned(), true),
            }
        };
        if code.is_some() { &self.hits } else { &self.misses }.increment(1);
        if is_old && let Some(code) = &code {
            self.insert(*hash, code.clone());
        }
        code
    }

    pub(crate) fn insert(&self, hash: B256, code: Bytecode) {
        let bytes = code.bytes_ref().len().saturating_add(ENTRY_BYTES);
        let mut generations = self.generations.write();
        if generations.young_bytes.saturating_add(bytes) > CACHE_BYTES / 2 {
            generations.old = std::mem::take(&mut generations.young);
            generations.young_bytes = 0;
        }
        if generations.young.insert(hash, code).is_none() {
            generations.young_bytes = generations.young_bytes.saturating_add(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(size: usize) -> Bytecode {
        Bytecode::new_legacy(vec![0u8; size].into())
    }

    #[test]
    fn it_forgets_what_is_not_used_and_stays_within_its_bound() {
        let cache = CodeCache::default();
        let used = B256::repeat_byte(0xff);
        cache.insert(used, code(100));
        for number in 0..200u64 {
            cache.insert(B256::left_padding_from(&number.to_be_bytes()), code(1 << 20));
            assert!(cache.get(&used).is_some());
        }
        assert!(cache.get(&B256::ZERO).is_none());
        let generations = cache.generations.read();
        let held = generations.young.values().chain(generations.old.values());
        assert!(held.map(|code| code.len()).sum::<usize>() <= CACHE_BYTES);
    }
}
