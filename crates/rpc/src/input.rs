//! Calls and overrides as callers write them, as strictly as go-ethereum reads them: hexadecimal
//! strings and nothing else, numbers without leading zeros, bytes and hashes in full. `null` is
//! nothing, and fields nobody knows are read past.
//!
//! Deliberately absent: what the fields mean; see `eth::call_request` and the execution crate.

mod call;
mod hexadecimal;
mod object;
mod overrides;

pub(crate) use call::CallRequest;
pub(crate) use object::{Object, object};
pub(crate) use overrides::{block_overrides, state_overrides};
