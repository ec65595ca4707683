//! Tests over small states in memory.

mod blocks;
mod building;
mod calls;
mod collisions;
mod estimates;
mod failures;
mod headers;
mod old_forks;
mod overrides;
mod precompiles;
mod replays;
mod simulate;
mod support;
mod touched;
