//! One card at work: the tiles of a round that go through its lanes.

mod buffers;
mod steps;

use super::{
    backend::Product,
    device::{CudaDevice, Unavailable, open},
    kernels::{Kernels, Key},
    lt::Lt,
    plan::LANES,
};
use crate::{BackendError, Matrix, Round, Watch, matrix_key};
pub(super) use buffers::Lane;
use buffers::{Buffers, NO_SUCH, lane_of};
use cudarc::driver::{CudaContext, DriverError, sys};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// A card and what runs on it.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) device: CudaDevice,
    pub(super) context: Arc<CudaContext>,
    pub(super) kernels: Kernels,
    pub(super) product: Product,
    lt: Option<Lt>,
    memory_max: Option<u64>,
    /// Kept from round to round; whoever has it works.
    buffers: Mutex<Option<Buffers>>,
}

/// Rows of a round that no card has taken yet.
#[derive(Debug)]
pub(super) struct Rows {
    next: AtomicU32,
    end: u32,
}

impl Rows {
    pub(super) const fn new(end: u32) -> Self {
        Self { next: AtomicU32::new(0), end }
    }

    /// The next rows, at most `count`: the first and how many.
    fn take(&self, count: u32) -> Option<(u32, u32)> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        (first < self.end).then(|| (first, count.min(self.end - first)))
    }
}

/// The keys of A and B of a round.
#[derive(Clone, Copy)]
pub(super) struct Keys {
    pub(super) a: Key,
    pub(super) b: Key,
}

impl Keys {
    pub(super) fn of(round: &Round) -> Self {
        let key = |matrix| matrix_key(round.seed(), matrix);
        Self { a: key(Matrix::A), b: key(Matrix::B) }
    }
}

impl From<DriverError> for BackendError {
    fn from(error: DriverError) -> Self {
        match error.0 {
            sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Self::Memory(error.to_string()),
            _ => Self::Device(error.to_string()),
        }
    }
}

impl Card {
    /// Opens a card and compiles for it. `product` is what [`super::backend`] tries.
    pub(super) fn new(
        device: &CudaDevice,
        product: Product,
        memory_max: Option<u64>,
    ) -> Result<Self, Unavailable> {
        let context = open(device)?;
        let kernels = Kernels::load(&context, device.capability)?;
        let lacking =
            |what: &str| Unavailable::Wrong { name: device.name.clone(), reasons: what.to_owned() };
        if product == Product::TensorCores && !kernels.has_tensor_cores() {
            return Err(lacking("no int8 tensor cores"));
        }
        let lt = match (product == Product::CublasLt).then(Lt::new) {
            None => None,
            Some(None) => return Err(lacking("there is no cuBLASLt library")),
            Some(Some(lt)) => Some(lt.map_err(|error| lacking(&error.to_string()))?),
        };
        let (device, buffers) = (device.clone(), Mutex::default());
        Ok(Self { device, context, kernels, product, lt, memory_max, buffers })
    }

    /// Takes tiles of the round until there are none: the first row of each and its row roots.
    pub(super) fn row_roots(
        &self,
        round: &Round,
        cards: u32,
        rows: &Rows,
        watch: &Watch<'_>,
    ) -> Result<Vec<(u32, Vec<u32>)>, BackendError> {
        self.with_buffers(round, cards, |buffers| {
            let keys = Keys::of(round);
            let mut tiles = Vec::new();
            let mut under_way = VecDeque::new();
            for lane in (0..LANES).cycle() {
                if under_way.len() == LANES {
                    tiles.extend(finish(buffers, round, &mut under_way, watch)?);
                }
                let Some((first, count)) = rows.take(buffers.plan.rows) else { break };
                self.start(buffers, round, &keys, lane, (first, count))?;
                under_way.push_back((lane, first, count));
            }
            while !under_way.is_empty() {
                tiles.extend(finish(buffers, round, &mut under_way, watch)?);
            }
            Ok(tiles)
        })
    }

    /// The rows of the product with these indices.
    pub(super) fn rows(
        &self,
        round: &Round,
        indices: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        self.with_buffers(round, 1, |buffers| {
            let keys = Keys::of(round);
            let width = round.p() as usize;
            let mut entries = vec![0; indices.len() * width];
            let tiles = indices.chunks(buffers.plan.rows as usize);
            for (indices, entries) in
                tiles.zip(entries.chunks_mut(buffers.plan.rows as usize * width))
            {
                self.some_rows(buffers, round, &keys, indices, entries)?;
                advance(round, indices.len() as u32, watch)?;
            }
            Ok(entries)
        })
    }

    /// At most a tile of rows, on the first lane.
    fn some_rows(
        &self,
        buffers: &mut Buffers,
        round: &Round,
        keys: &Keys,
        indices: &[u32],
        entries: &mut [i32],
    ) -> Result<(), BackendError> {
        let plan = buffers.plan;
        let (count, inner) = (indices.len() as u32, plan.inner as usize);
        for (at, index) in indices.iter().enumerate() {
            let Lane { stream, a, .. } = lane_of(buffers, 0)?.0;
            let mut line = a.try_slice_mut(at * inner..(at + 1) * inner).ok_or(NO_SUCH)?;
            let (k, inner) = (round.k(), plan.inner);
            self.kernels.expand(stream, &keys.a, (*index, 1), (k, inner), &mut line)?;
        }
        for (first, columns) in plan.column_tiles() {
            self.expand_b(buffers, round, keys, 0, (first, columns))?;
            self.multiply(buffers, 0, &plan.shape(count, columns))?;
            let lane = lane_of(buffers, 0)?.0;
            let tile = lane.c.try_slice(..indices.len() * plan.pitch() as usize).ok_or(NO_SUCH)?;
            let tile = lane.stream.clone_dtoh(&tile)?;
            lane.stream.synchronize()?;
            for (to, from) in
                entries.chunks_mut(round.p() as usize).zip(tile.chunks(plan.pitch() as usize))
            {
                let to = to.iter_mut().skip(first as usize).take(columns as usize);
                to.zip(from).for_each(|(to, from)| *to = *from);
            }
        }
        Ok(())
    }

    /// Puts a tile of rows on a lane; nothing waits here.
    pub(super) fn start(
        &self,
        buffers: &mut Buffers,
        round: &Round,
        keys: &Keys,
        at: usize,
        (first, count): (u32, u32),
    ) -> Result<(), BackendError> {
        let plan = buffers.plan;
        self.expand_a(buffers, round, keys, at, (first, count))?;
        for (column, columns) in plan.column_tiles() {
            self.expand_b(buffers, round, keys, at, (column, columns))?;
            self.multiply(buffers, at, &plan.shape(count, columns))?;
            self.hash(buffers, at, &plan.shape(count, columns), column)?;
        }
        Ok(self.hash_rows(buffers, at, count)?)
    }
}

/// Waits for the tile that was started first: its first row and its roots.
fn finish(
    buffers: &mut Buffers,
    round: &Round,
    under_way: &mut VecDeque<(usize, u32, u32)>,
    watch: &Watch<'_>,
) -> Result<Option<(u32, Vec<u32>)>, BackendError> {
    let Some((at, first, count)) = under_way.pop_front() else { return Ok(None) };
    let lane = lane_of(buffers, at)?.0;
    let roots = lane.roots.try_slice(..count as usize * 8).ok_or(NO_SUCH)?;
    let roots = lane.stream.clone_dtoh(&roots)?;
    lane.stream.synchronize()?;
    advance(round, count, watch)?;
    Ok(Some((first, roots)))
}

/// Tells the watch of rows that are done.
fn advance(round: &Round, rows: u32, watch: &Watch<'_>) -> Result<(), BackendError> {
    let done = u64::from(rows) * u64::from(round.k()) * u64::from(round.p());
    if watch(done).is_break() { Err(BackendError::Interrupted) } else { Ok(()) }
}
