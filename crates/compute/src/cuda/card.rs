//! One card at work: its buffers, its two lanes, and the tiles that go through them.

use super::{
    backend::Product,
    device::{CudaDevice, Unavailable, open},
    kernels::{Kernels, Key, Shape},
    lt::{Lt, WORKSPACE_BYTES},
    plan::{LANES, Plan},
};
use crate::{BackendError, Matrix, Round, Watch, matrix_key};
use cudarc::driver::{CudaContext, CudaEvent, CudaSlice, CudaStream, DriverError, sys};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Memory of a card that is left alone, of what is free.
const SPARE_BYTES: u64 = 128 << 20;

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

/// What a card holds for rounds of one shape.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Of the rounds that they are for: m, k, p, and the cards that share them.
    sizes: (u32, u32, u32, u32),
    pub(super) plan: Plan,
    pub(super) b: CudaSlice<i8>,
    /// The key and the first column of what is in `b`.
    pub(super) resident: Option<(Key, u32)>,
    /// After the last expansion into `b`.
    expanded: CudaEvent,
    pub(super) lanes: Vec<Lane>,
}

/// A stream and the buffers that it alone uses.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) stream: Arc<CudaStream>,
    pub(super) a: CudaSlice<i8>,
    pub(super) c: CudaSlice<i32>,
    pub(super) nodes: CudaSlice<u32>,
    pub(super) roots: CudaSlice<u32>,
    pub(super) workspace: CudaSlice<u8>,
    /// After its last product, which reads `b`.
    multiplied: CudaEvent,
}

impl Drop for Buffers {
    fn drop(&mut self) {
        for lane in &self.lanes {
            // A card that fails here has failed before, and said so.
            let _ = lane.stream.synchronize();
        }
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

/// An index that the plan does not have: a defect here.
const NO_SUCH: DriverError = DriverError(sys::CUresult::CUDA_ERROR_INVALID_VALUE);

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

    /// Expands rows of A on a lane.
    pub(super) fn expand_a(
        &self,
        buffers: &mut Buffers,
        round: &Round,
        keys: &Keys,
        at: usize,
        lines: (u32, u32),
    ) -> Result<(), DriverError> {
        let inner = (round.k(), buffers.plan.inner);
        let Lane { stream, a, .. } = lane_of(buffers, at)?.0;
        self.kernels.expand(stream, &keys.a, lines, inner, &mut a.as_view_mut())
    }

    /// Makes sure that a lane's next product finds these columns of B.
    pub(super) fn expand_b(
        &self,
        buffers: &mut Buffers,
        round: &Round,
        keys: &Keys,
        at: usize,
        (first, count): (u32, u32),
    ) -> Result<(), DriverError> {
        let Buffers { plan, b, resident, expanded, lanes, .. } = buffers;
        let stream = lanes.get(at).map(|lane| lane.stream.clone()).ok_or(NO_SUCH)?;
        if *resident == Some((keys.b, first)) {
            return stream.wait(expanded);
        }
        *resident = None;
        for lane in &*lanes {
            stream.wait(&lane.multiplied)?;
        }
        let inner = (round.k(), plan.inner);
        self.kernels.expand(&stream, &keys.b, (first, count), inner, &mut b.as_view_mut())?;
        expanded.record(&stream)?;
        *resident = Some((keys.b, first));
        Ok(())
    }

    /// Multiplies what a lane and B hold.
    pub(super) fn multiply(
        &self,
        buffers: &mut Buffers,
        at: usize,
        shape: &Shape,
    ) -> Result<(), BackendError> {
        let (Lane { stream, a, c, workspace, multiplied, .. }, b) = lane_of(buffers, at)?;
        match &self.lt {
            Some(lt) => lt
                .multiply(stream, shape, (a, b), c, workspace)
                .map_err(|error| BackendError::Device(format!("cuBLASLt: {error}")))?,
            None => {
                let tensor_cores = self.product == Product::TensorCores;
                self.kernels.multiply(stream, tensor_cores, shape, (a, b), c)?;
            }
        }
        Ok(multiplied.record(stream)?)
    }

    /// Hashes the leaves of a tile on a lane and the nodes above them.
    pub(super) fn hash(
        &self,
        buffers: &mut Buffers,
        at: usize,
        shape: &Shape,
        column: u32,
    ) -> Result<(), DriverError> {
        let place = (column / super::kernels::CHUNK_ENTRIES, buffers.plan.chunks);
        let Lane { stream, c, nodes, .. } = lane_of(buffers, at)?.0;
        self.kernels.chunk_roots(stream, shape, c, place, nodes)
    }

    /// Hashes the nodes of rows on a lane to their roots.
    pub(super) fn hash_rows(
        &self,
        buffers: &mut Buffers,
        at: usize,
        count: u32,
    ) -> Result<(), DriverError> {
        let chunks = buffers.plan.chunks;
        let Lane { stream, nodes, roots, .. } = lane_of(buffers, at)?.0;
        self.kernels.row_roots(stream, nodes, (count, chunks), roots)
    }

    /// Runs `work` with buffers for a round shared by `cards`. After a failure they are given up,
    /// since nobody knows what is under way in them.
    pub(super) fn with_buffers<T>(
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
fn lane_of(buffers: &mut Buffers, at: usize) -> Result<(&mut Lane, &CudaSlice<i8>), DriverError> {
    Ok((buffers.lanes.get_mut(at).ok_or(NO_SUCH)?, &buffers.b))
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
