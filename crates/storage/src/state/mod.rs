//! The state: what a block changes, what it is at any block, and the history between.

mod cache;
mod changes;
mod history;
mod range;
mod view;

pub(crate) use cache::StateCache;
pub(crate) use changes::AccountChange;
pub use changes::StateChanges;
pub(crate) use history::{ShardKey, append_history, first_change_after};
pub use view::StateView;
pub(crate) use view::{account_record, storage_change_key};
