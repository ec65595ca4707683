//! Heights, operators and values: the small types the core is parameterised with.

use std::fmt;

use alloy_primitives::{Address, B256};

/// The highest round a message may name.
///
/// A round lasts seconds, so no honest authority comes near it; the bound keeps a liar from
/// driving round arithmetic to its end.
pub const MAX_ROUND: u32 = 1_000_000;

/// A block number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Height(pub u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite_core_types::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// The operator account of an authority, which names it everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator(pub Address);

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl malachite_core_types::Address for Operator {}

/// What authorities decide on: the hash of a block.
///
/// The value is nothing but its own ID. The block travels beside the messages, in parts, and its
/// header already binds everything else: builder, built round, parent, randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub B256);

impl malachite_core_types::Value for Value {
    type Id = B256;

    fn id(&self) -> B256 {
        self.0
    }
}

/// The core's type of a proposal part. Parts never pass through the core, so there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPart {}

impl malachite_core_types::ProposalPart<crate::ChainContext> for NoPart {
    fn is_first(&self) -> bool {
        match *self {}
    }

    fn is_last(&self) -> bool {
        match *self {}
    }
}
