//! The filters that are kept, and for how long.
//!
//! Invariants:
//! - no client has more filters than it may have, and all of them together take bounded memory:
//!   none of them grows while nobody polls it;
//! - a filter that nobody used for long enough is not found any more. It is removed by whoever uses
//!   the table next, a few at a time;
//! - what one poll hands out no other poll does: places move from where they were seen.

use super::pending::Interest;
use crate::{
    client::ClientId,
    error::RpcError,
    eth::filter::{Blocks, LogFilter},
    limits::RpcLimits,
    metrics::{Live, filter_expired, filter_refused},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

/// Filters that one use of the table removes at most because nobody polled them.
const EXPIRED_MAX: usize = 16;
/// What a filter takes besides its addresses and topics, in bytes.
const ENTRY_BYTES: usize = 256;

/// What a filter is about.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// Logs of new blocks.
    Logs(Arc<LogFilter>, Blocks),
    /// Hashes of new blocks.
    Blocks,
    /// Transactions as they become executable: their hashes, or all of them.
    Transactions { full: bool },
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Logs(..) => "logs",
            Self::Blocks => "blocks",
            Self::Transactions { .. } => "transactions",
        }
    }

    fn memory_bytes(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Self::Logs(filter, _) => filter.memory_bytes(),
                Self::Blocks | Self::Transactions { .. } => 0,
            }
    }
}

/// A filter as a poll sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// What it is about.
    pub(crate) kind: Kind,
    /// The first block, or transaction, that was not handed out.
    pub(crate) next: u64,
}

struct Entry {
    kind: Kind,
    next: u64,
    client: Option<ClientId>,
    used: Instant,
    _interest: Option<Interest>,
    _live: Live,
}

/// Identifiers are 128 random bits: whoever knows one may use it, from whichever connection.
pub(super) type FilterId = u128;

/// All filters.
pub(super) struct Table {
    entries: HashMap<FilterId, Entry>,
    /// By when they were used last.
    by_use: BTreeSet<(Instant, FilterId)>,
    by_client: HashMap<ClientId, usize>,
    bytes: usize,
    idle_max: Duration,
    client_max: usize,
    total_max: usize,
    bytes_max: usize,
}

impl Table {
    pub(super) fn new(limits: &RpcLimits) -> Self {
        Self {
            entries: HashMap::new(),
            by_use: BTreeSet::new(),
            by_client: HashMap::new(),
            bytes: 0,
            idle_max: Duration::from_millis(limits.filter_idle_ms_max),
            client_max: limits.client_filters_max,
            total_max: limits.filters_max,
            bytes_max: limits.filters_bytes_max,
        }
    }

    /// Keeps a filter that begins at `next`.
    ///
    /// # Errors
    /// The client has too many, or all clients together have.
    pub(super) fn open(
        &mut self,
        kind: Kind,
        next: u64,
        interest: Option<Interest>,
        client: Option<ClientId>,
        now: Instant,
    ) -> Result<FilterId, RpcError> {
        self.expire(now);
        let count = client.map_or(0, |client| self.by_client.get(&client).copied().unwrap_or(0));
        if client.is_some() && count >= self.client_max {
            filter_refused();
            return Err(RpcError::TooManyFilters { most: self.client_max });
        }
        let bytes = self.bytes.saturating_add(kind.memory_bytes());
        if self.entries.len() >= self.total_max || bytes > self.bytes_max {
            filter_refused();
            return Err(RpcError::Busy);
        }
        let id = rand::random();
        self.bytes = bytes;
        self.by_use.insert((now, id));
        if let Some(client) = client {
            self.by_client.insert(client, count + 1);
        }
        let live = Live::filter(kind.name());
        let entry = Entry { kind, next, client, used: now, _interest: interest, _live: live };
        self.entries.insert(id, entry);
        Ok(id)
    }

    /// A filter, which is used now.
    pub(super) fn touch(&mut self, id: FilterId, now: Instant) -> Option<Seen> {
        self.expire(now);
        let entry = self.entries.get_mut(&id)?;
        if is_idle(entry.used, self.idle_max, now) {
            return None;
        }
        self.by_use.remove(&(entry.used, id));
        entry.used = now;
        self.by_use.insert((now, id));
        Some(Seen { kind: entry.kind.clone(), next: entry.next })
    }

    /// Moves a filter on from where it was seen; false when another poll has done so, or it is
    /// gone.
    pub(super) fn advance(&mut self, id: FilterId, from: u64, to: u64) -> bool {
        match self.entries.get_mut(&id) {
            Some(entry) if entry.next == from => {
                entry.next = to;
                true
            }
            _ => false,
        }
    }

    /// Removes a filter; false when it is not there.
    pub(super) fn close(&mut self, id: FilterId, now: Instant) -> bool {
        self.expire(now);
        self.remove(id).is_some_and(|entry| !is_idle(entry.used, self.idle_max, now))
    }

    fn expire(&mut self, now: Instant) {
        for _ in 0..EXPIRED_MAX {
            match self.by_use.first() {
                Some(&(used, id)) if is_idle(used, self.idle_max, now) => {
                    if let Some(entry) = self.remove(id) {
                        filter_expired(entry.kind.name());
                    }
                }
                _ => return,
            }
        }
    }

    fn remove(&mut self, id: FilterId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_use.remove(&(entry.used, id));
        self.bytes = self.bytes.saturating_sub(entry.kind.memory_bytes());
        if let Some(client) = entry.client
            && let Some(count) = self.by_client.get_mut(&client)
        {
            *count -= 1;
            if *count == 0 {
                self.by_client.remove(&client);
            }
        }
        Some(entry)
    }
}

fn is_idle(used: Instant, idle_max: Duration, now: Instant) -> bool {
    now.saturating_duration_since(used) > idle_max
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Option<ClientId> = Some(ClientId(1));
    const BOB: Option<ClientId> = Some(ClientId(2));

    fn table(limits: RpcLimits) -> (Table, Instant) {
        (Table::new(&limits), Instant::now())
    }

    fn is_empty(table: &Table) -> bool {
        table.by_use.is_empty() && table.by_client.is_empty() && table.bytes == 0
    }

    #[test]
    fn a_client_has_so_many_and_gets_them_back() {
        let (mut table, now) = table(RpcLimits { client_filters_max: 2, ..RpcLimits::default() });
        let mut open = |client| table.open(Kind::Blocks, 1, None, client, now);
        let (first, second) = (open(ALICE).unwrap(), open(ALICE).unwrap());
        assert!(matches!(open(ALICE), Err(RpcError::TooManyFilters { most: 2 })));
        let others = [open(BOB).unwrap(), open(None).unwrap(), open(None).unwrap()];
        let fourth = open(None).unwrap();
        assert!(table.close(first, now) && !table.close(first, now));
        let third = table.open(Kind::Blocks, 1, None, ALICE, now).unwrap();
        for id in others.into_iter().chain([second, third, fourth]) {
            assert!(table.close(id, now));
        }
        assert!(is_empty(&table));
    }

    #[test]
    fn all_together_are_bounded_in_number_and_memory() {
        let (mut few, now) = table(RpcLimits { filters_max: 2, ..RpcLimits::default() });
        few.open(Kind::Blocks, 1, None, ALICE, now).unwrap();
        few.open(Kind::Blocks, 1, None, BOB, now).unwrap();
        assert!(matches!(few.open(Kind::Blocks, 1, None, None, now), Err(RpcError::Busy)));
        let wide = |count: u8| {
            let list: Vec<_> = (0..count)
                .map(|byte| format!("\"{}\"", alloy_primitives::Address::repeat_byte(byte)))
                .collect();
            let json = format!(r#"{{"address":[{}]}}"#, list.join(","));
            let (filter, blocks) = LogFilter::parse(&json, 1_000).unwrap();
            Kind::Logs(Arc::new(filter), blocks)
        };
        assert!(wide(100).memory_bytes() > wide(10).memory_bytes() + 90 * 20);
        let bytes = wide(100).memory_bytes();
        let limits = RpcLimits { filters_bytes_max: 2 * bytes, ..RpcLimits::default() };
        let (mut small, now) = table(limits);
        let first = small.open(wide(100), 1, None, None, now).unwrap();
        small.open(wide(100), 1, None, None, now).unwrap();
        assert!(matches!(small.open(Kind::Blocks, 1, None, None, now), Err(RpcError::Busy)));
        assert!(small.close(first, now));
        small.open(wide(100), 1, None, None, now).unwrap();
    }

    #[test]
    fn who_does_not_poll_loses_the_filter() {
        let limits = RpcLimits { filter_idle_ms_max: 1_000, ..RpcLimits::default() };
        let (mut table, start) = table(limits);
        let after = |ms: u64| start + Duration::from_millis(ms);
        let id = table.open(Kind::Blocks, 7, None, ALICE, start).unwrap();
        // At the limit, twice, and over it.
        for ms in [1_000, 2_000] {
            assert_eq!(table.touch(id, after(ms)).unwrap().next, 7);
        }
        assert!(table.touch(id, after(3_001)).is_none());
        assert!(is_empty(&table));
        let many: Vec<_> = (0..50)
            .map(|_| table.open(Kind::Blocks, 1, None, BOB, after(4_000)).unwrap())
            .collect();
        // None of them is there, though they are removed a few at a time.
        for id in many.iter().rev() {
            assert!(!table.close(*id, after(5_001)));
        }
        assert!(is_empty(&table));
    }

    #[test]
    fn places_move_from_where_they_were_seen() {
        let (mut table, now) = table(RpcLimits::default());
        let id = table.open(Kind::Blocks, 5, None, None, now).unwrap();
        assert!(table.advance(id, 5, 9) && !table.advance(id, 5, 7));
        assert_eq!(table.touch(id, now).unwrap().next, 9);
        assert!(!table.advance(id + 1, 9, 10));
    }
}
