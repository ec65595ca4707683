//! Accounts and slots that were read lately, decoded once.
//!
//! A key names the snapshot, too, by the number that MDBX gives it, so nothing is ever invalidated.
//! Each key has one place, where it takes that of whatever was there: the size is fixed.

use crate::{codec::AccountRecord, metrics};
use ::metrics::Counter;
use alloy_primitives::{Address, U256, map::DefaultHashBuilder};
use parking_lot::RwLock;
use std::hash::{BuildHasher, Hash};

/// Places for accounts; one takes about 200 bytes.
const ACCOUNTS: usize = 1_024;
/// Places for slots; one takes about 150 bytes.
const SLOTS: usize = 4_096;

/// The cache.
pub(crate) struct StateCache {
    accounts: Places<(u64, Address), Option<AccountRecord>>,
    slots: Places<(u64, Address, U256), U256>,
}

impl Default for StateCache {
    fn default() -> Self {
        Self { accounts: Places::new(ACCOUNTS, "account"), slots: Places::new(SLOTS, "slot") }
    }
}

impl StateCache {
    /// An account in a snapshot, which is `read` unless it is known.
    pub(crate) fn account<E>(
        &self,
        snapshot: u64,
        address: Address,
        read: impl FnOnce() -> Result<Option<AccountRecord>, E>,
    ) -> Result<Option<AccountRecord>, E> {
        self.accounts.get((snapshot, address), read)
    }

    /// A slot in a snapshot, which is `read` unless it is known.
    pub(crate) fn slot<E>(
        &self,
        snapshot: u64,
        address: Address,
        slot: U256,
        read: impl FnOnce() -> Result<U256, E>,
    ) -> Result<U256, E> {
        self.slots.get((snapshot, address, slot), read)
    }
}

/// Holds one key, whichever came last.
type Place<K, V> = RwLock<Option<(K, V)>>;

struct Places<K, V> {
    hasher: DefaultHashBuilder,
    places: Box<[Place<K, V>]>,
    hits: Counter,
    misses: Counter,
}

impl<K: Hash + Eq + Copy, V: Copy> Places<K, V> {
    fn new(count: usize, kind: &'static str) -> Self {
        let [hits, misses] = metrics::state_cache(kind);
        let places = (0..count).map(|_| RwLock::new(None)).collect();
        Self { hasher: DefaultHashBuilder::default(), places, hits, misses }
    }

    fn get<E>(&self, key: K, read: impl FnOnce() -> Result<V, E>) -> Result<V, E> {
        let index = self.hasher.hash_one(key) % self.places.len().max(1) as u64;
        let Some(place) = self.places.get(index as usize) else { return read() };
        if let Some((_, value)) = place.read().as_ref().filter(|(known, _)| *known == key) {
            self.hits.increment(1);
            return Ok(*value);
        }
        self.misses.increment(1);
        let value = read()?;
        *place.write() = Some((key, value));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> Result<U256, ()> {
        panic!("it is known")
    }

    #[test]
    fn snapshots_accounts_and_slots_are_told_apart() {
        let cache = StateCache::default();
        let (one, two) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let (first, second) = (U256::from(1), U256::from(2));
        let keys =
            [(7, one, first), (8, one, first), (7, two, first), (7, one, second)].into_iter();
        for ((snapshot, address, slot), value) in keys.zip(1_u64..) {
            // Two of them may have the same place: each is known at once, whatever was there.
            let read = || Ok::<_, ()>(U256::from(value));
            assert_eq!(cache.slot(snapshot, address, slot, read), Ok(U256::from(value)));
            assert_eq!(cache.slot(snapshot, address, slot, never), Ok(U256::from(value)));
        }
    }

    #[test]
    fn a_failure_is_not_kept() {
        let cache = StateCache::default();
        let address = Address::repeat_byte(1);
        assert_eq!(cache.account(7, address, || Err("it fails")), Err("it fails"));
        assert_eq!(cache.account(7, address, || Ok::<_, ()>(None)), Ok(None));
        assert_eq!(cache.account(7, address, || Err("it is known")), Ok(None));
    }
}
