//! The transactions that may concern an account, block by block, from the index.

use crate::error::RpcError;
use alloy_primitives::Address;
use mfenx_storage::{Order, Reader};
use std::{collections::VecDeque, ops::RangeInclusive};

/// How many places are read at a time.
const CHUNK: usize = 256;

/// Blocks with the places of transactions that touched an account, in one direction of time.
pub(super) struct Candidates<'r> {
    reader: &'r Reader,
    account: Address,
    order: Order,
    /// What is still to be read; none when there is no more.
    rest: Option<RangeInclusive<(u64, u32)>>,
    read: VecDeque<(u64, u32)>,
}

impl<'r> Candidates<'r> {
    /// Those in `blocks`.
    pub(super) fn new(
        reader: &'r Reader,
        account: Address,
        blocks: RangeInclusive<u64>,
        order: Order,
    ) -> Self {
        let range = (*blocks.start(), 0)..=(*blocks.end(), u32::MAX);
        let rest = (!blocks.is_empty()).then_some(range);
        Self { reader, account, order, rest, read: VecDeque::new() }
    }

    /// The direction.
    pub(super) const fn order(&self) -> Order {
        self.order
    }

    /// The next block with all its candidates, by their index in the block.
    pub(super) fn next_block(&mut self) -> Result<Option<(u64, Vec<usize>)>, RpcError> {
        let Some((number, first)) = self.next()? else { return Ok(None) };
        let mut places = vec![first as usize];
        while let Some((_, index)) = self.next_of(number)? {
            places.push(index as usize);
        }
        places.sort_unstable();
        Ok(Some((number, places)))
    }

    fn next(&mut self) -> Result<Option<(u64, u32)>, RpcError> {
        if self.read.is_empty() {
            self.refill()?;
        }
        Ok(self.read.pop_front())
    }

    fn next_of(&mut self, number: u64) -> Result<Option<(u64, u32)>, RpcError> {
        if self.read.is_empty() {
            self.refill()?;
        }
        Ok(self.read.pop_front_if(|(block, _)| *block == number))
    }

    fn refill(&mut self) -> Result<(), RpcError> {
        let Some(range) = self.rest.take() else { return Ok(()) };
        let (from, to) = (*range.start(), *range.end());
        let found = self.reader.transactions_touching(self.account, from, to, self.order, CHUNK)?;
        if let (Some(last), true) = (found.last(), found.len() == CHUNK) {
            self.rest = match self.order {
                Order::Ascending => after(*last).map(|next| next..=to),
                Order::Descending => before(*last).map(|next| from..=next),
            };
        }
        self.read = found.into();
        Ok(())
    }
}

fn after((block, index): (u64, u32)) -> Option<(u64, u32)> {
    match index.checked_add(1) {
        Some(index) => Some((block, index)),
        None => block.checked_add(1).map(|block| (block, 0)),
    }
}

fn before((block, index): (u64, u32)) -> Option<(u64, u32)> {
    match index.checked_sub(1) {
        Some(index) => Some((block, index)),
        None => block.checked_sub(1).map(|block| (block, u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_each_other_across_blocks() {
        assert_eq!(after((3, 7)), Some((3, 8)));
        assert_eq!(after((3, u32::MAX)), Some((4, 0)));
        assert_eq!(after((u64::MAX, u32::MAX)), None);
        assert_eq!(before((3, 7)), Some((3, 6)));
        assert_eq!(before((3, 0)), Some((2, u32::MAX)));
        assert_eq!(before((0, 0)), None);
    }
}
