//! Tests of the pool through its handle, and the means to write them.

mod blobs;
mod blocks;
mod delegation;
mod eviction;
mod funds;
mod load;
mod model;
mod nonces;
mod order;
mod property;
mod rules;
mod support;
