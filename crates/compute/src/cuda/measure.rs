//! What a round costs on a card, phase by phase, by the card's own clock.

use super::{
    backend::CudaBackend,
    card::{Keys, Lane},
};
use crate::{BackendError, Round};
use cudarc::driver::{CudaEvent, sys::CUevent_flags};

/// Milliseconds of the parts of a round, one after the other on one lane of the first card. A round
/// overlaps them, and so takes less than their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    /// A and B made from the seed.
    pub expansion_ms: f32,
    /// The product.
    pub product_ms: f32,
    /// Leaves, nodes and roots of rows.
    pub commitment_ms: f32,
}

impl CudaBackend {
    /// Runs a round in order and times its parts. Needs a driver of CUDA 12.8 or later.
    ///
    /// # Errors
    /// When the card fails or has too little memory.
    pub fn phases(&self, round: &Round) -> Result<Phases, BackendError> {
        let card = self.first()?;
        card.with_buffers(round, 1, |buffers| {
            let (keys, plan) = (Keys::of(round), buffers.plan);
            buffers.resident = None;
            let mut phases = Phases::default();
            let mut first = 0;
            while first < round.m() {
                let count = plan.rows.min(round.m() - first);
                let start = mark(buffers.lanes.first())?;
                card.expand_a(buffers, round, &keys, 0, (first, count))?;
                let mut last = mark(buffers.lanes.first())?;
                phases.expansion_ms += start.elapsed_ms(&last)?;
                for (column, columns) in plan.column_tiles() {
                    let shape = plan.shape(count, columns);
                    card.expand_b(buffers, round, &keys, 0, (column, columns))?;
                    let expanded = mark(buffers.lanes.first())?;
                    card.multiply(buffers, 0, &shape)?;
                    let multiplied = mark(buffers.lanes.first())?;
                    card.hash(buffers, 0, &shape, column)?;
                    let hashed = mark(buffers.lanes.first())?;
                    phases.expansion_ms += last.elapsed_ms(&expanded)?;
                    phases.product_ms += expanded.elapsed_ms(&multiplied)?;
                    phases.commitment_ms += multiplied.elapsed_ms(&hashed)?;
                    last = hashed;
                }
                card.hash_rows(buffers, 0, count)?;
                let end = mark(buffers.lanes.first())?;
                phases.commitment_ms += last.elapsed_ms(&end)?;
                first += count;
            }
            Ok(phases)
        })
    }

    /// Milliseconds of one product of a tile of this round, the mean of `times` after a first one:
    /// with cuBLASLt, the card's own measured rate. Gives the multiply-adds of the tile, too.
    ///
    /// # Errors
    /// As [`phases`](Self::phases).
    pub fn product_ms(&self, round: &Round, times: u32) -> Result<(f32, u64), BackendError> {
        let card = self.first()?;
        card.with_buffers(round, 1, |buffers| {
            let (keys, plan) = (Keys::of(round), buffers.plan);
            card.start(buffers, round, &keys, 0, (0, plan.rows))?;
            let shape = plan.shape(plan.rows, plan.columns);
            card.multiply(buffers, 0, &shape)?;
            let start = mark(buffers.lanes.first())?;
            for _ in 0..times {
                card.multiply(buffers, 0, &shape)?;
            }
            let end = mark(buffers.lanes.first())?;
            let multiply_adds =
                u64::from(plan.rows) * u64::from(plan.columns) * u64::from(round.k());
            Ok((start.elapsed_ms(&end)? / times.max(1) as f32, multiply_adds))
        })
    }
}

/// An event that keeps the time, after all that the lane has been given.
fn mark(lane: Option<&Lane>) -> Result<CudaEvent, BackendError> {
    let lane = lane.ok_or_else(|| BackendError::Device("no lane".to_owned()))?;
    Ok(lane.stream.record_event(Some(CUevent_flags::CU_EVENT_DEFAULT))?)
}
