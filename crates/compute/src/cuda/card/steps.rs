//! The steps of a tile, each put on the stream of a lane; nothing waits here.

use super::{
    super::{
        backend::Product,
        kernels::{CHUNK_ENTRIES, Shape},
    },
    Card, Keys,
    buffers::{Buffers, Lane, NO_SUCH, lane_of},
};
use crate::{BackendError, Round};
use cudarc::driver::DriverError;

impl Card {
    /// Expands rows of A on a lane.
    pub(in crate::cuda) fn expand_a(
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
    pub(in crate::cuda) fn expand_b(
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
    pub(in crate::cuda) fn multiply(
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
    pub(in crate::cuda) fn hash(
        &self,
        buffers: &mut Buffers,
        at: usize,
        shape: &Shape,
        column: u32,
    ) -> Result<(), DriverError> {
        let place = (column / CHUNK_ENTRIES, buffers.plan.chunks);
        let Lane { stream, c, nodes, .. } = lane_of(buffers, at)?.0;
        self.kernels.chunk_roots(stream, shape, c, place, nodes)
    }

    /// Hashes the nodes of rows on a lane to their roots.
    pub(in crate::cuda) fn hash_rows(
        &self,
        buffers: &mut Buffers,
        at: usize,
        count: u32,
    ) -> Result<(), DriverError> {
        let chunks = buffers.plan.chunks;
        let Lane { stream, nodes, roots, .. } = lane_of(buffers, at)?.0;
        self.kernels.row_roots(stream, nodes, (count, chunks), roots)
    }
}
