//! What a card holds from round to round, and how much of it fits.

use super::{
    super::{
        kernels::Key,
        lt::WORKSPACE_BYTES,
        plan::{LANES, Plan},
    },
    Card,
};
use crate::{BackendError, Round};
use cudarc::driver::{CudaEvent, CudaSlice, CudaStream, DriverError, sys};
use std::sync::{Arc, PoisonError};

/// Memory of a card that is left alone, of what is free.
const SPARE_BYTES: u64 = 128 << 20;

/// An index that the plan does not have: a defect here.
pub(super) const NO_SUCH: DriverError = DriverError(sys::CUresult::CUDA_ERROR_INVALID_VALUE);

/// What a card holds for rounds of one shape.
#[derive(Debug)]
pub(in crate::cuda) struct Buffers {
    /// Of the rounds that they are for: m, k, p, and the cards that share them.
    sizes: (u32, u32, u32, u32),
    pub(in crate::cuda) plan: Plan,
    pub(in crate::cuda) b: CudaSlice<i8>,
    /// The key and the first column of what is in `b`.
    pub(in crate::cuda) resident: Option<(Key, u32)>,
    /// After the last expansion into `b`.
    pub(in crate::cuda) expanded: CudaEvent,
    pub(in crate::cuda) lanes: Vec<Lane>,
}

/// A stream and the buffers that it alone uses.
#[derive(Debug)]
pub(in crate::cuda) struct Lane {
    pub(in crate::cuda) stream: Arc<CudaStream>,
    pub(in crate::cuda) a: CudaSlice<i8>,
    pub(in crate::cuda) c: CudaSlice<i32>,
    pub(in crate::cuda) nodes: CudaSlice<u32>,
    pub(in crate::cuda) roots: CudaSlice<u32>,
    pub(in crate::cuda) workspace: CudaSlice<u8>,
    /// After its last product, which reads `b`.
    pub(in crate::cuda) multiplied: CudaEvent,
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for lane in &self.lanes {
            // A card that fails here has failed before, and said so.
            let _ = lane.stream.synchronize();
        }
    }
}

impl Card {
    /// Runs `work` with buffers for a round shared by `cards`. After a failure they are given up,
    /// since nobody knows what is under way in them.
    pub(in crate::cuda) fn with_buffers<T>(
        &self,
        round: &Round,
        cards: u32,
        work: impl FnOnce(&mut Buffers) -> Result<T, BackendError>,
    ) -> Result<T, BackendError> {
        let mut held = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = (round.m(), round.k(), round.p(), cards);
        let mut buffers = match held.take() {
            Some(buffers) if buffers.sizes == sizes => buffers,
            other => {
                drop(other);
                self.allocate(round, cards)?
            }
        };
        let done = work(&mut buffers)?;
        *held = Some(buffers);
        Ok(done)
    }

    fn allocate(&self, round: &Round, cards: u32) -> Result<Buffers, BackendError> {
        self.context.synchronize()?;
        let (free, _) = self.context.mem_get_info()?;
        let workspace = if self.lt.is_some() { WORKSPACE_BYTES } else { 0 };
        let taken = SPARE_BYTES.min(free as u64 / 8) + (LANES * workspace) as u64;
        let memory = (free as u64).saturating_sub(taken).min(self.memory_max.unwrap_or(u64::MAX));
        let plan = Plan::new(round, cards, memory).ok_or_else(|| {
            BackendError::Memory(format!("{memory} bytes are not enough for one row"))
        })?;
        let rows = plan.rows_held() as usize;
        let lanes = (0..LANES).map(|_| {
            let stream = self.context.new_stream()?;
            Ok(Lane {
                a: stream.alloc_zeros(rows * plan.inner as usize)?,
                c: stream.alloc_zeros(rows * plan.pitch() as usize)?,
                nodes: stream.alloc_zeros(rows * plan.chunks as usize * 8)?,
                roots: stream.alloc_zeros(rows * 8)?,
                workspace: stream.alloc_zeros(workspace.max(1))?,
                multiplied: self.context.new_event(None)?,
                stream,
            })
        });
        let lanes = lanes.collect::<Result<Vec<_>, DriverError>>()?;
        let stream = lanes.first().map(|lane| lane.stream.clone()).ok_or(NO_SUCH)?;
        let b = stream.alloc_zeros(plan.b_bytes())?;
        let expanded = self.context.new_event(None)?;
        let sizes = (round.m(), round.k(), round.p(), cards);
        let buffers = Buffers { sizes, plan, b, resident: None, expanded, lanes };
        for lane in &buffers.lanes {
            lane.stream.synchronize()?;
        }
        Ok(buffers)
    }
}

/// A lane, and B.
pub(super) fn lane_of(
    buffers: &mut Buffers,
    at: usize,
) -> Result<(&mut Lane, &CudaSlice<i8>), DriverError> {
    Ok((buffers.lanes.get_mut(at).ok_or(NO_SUCH)?, &buffers.b))
}
