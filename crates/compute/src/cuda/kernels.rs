//! The kernels: compiled by NVRTC, loaded, launched with their sizes checked.

use super::device::Unavailable;
use cudarc::{
    driver::{
        CudaContext, CudaFunction, CudaModule, CudaSlice, CudaStream, CudaViewMut, DriverError,
        LaunchConfig, PushKernelArg, sys,
    },
    nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts},
};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// All kernels, one program: the later files use what the earlier ones define.
const SOURCE: &str = concat!(
    include_str!("kernels/expand.cu"),
    include_str!("kernels/product_dp4a.cu"),
    include_str!("kernels/product_mma.cu"),
    include_str!("kernels/commit.cu"),
);

/// Entries by which lines of A and B are padded: a step of the tensor core kernel.
pub(super) const INNER_STEP: u32 = 64;

/// Entries of a row of the product that a block of threads takes to one node.
pub(super) const CHUNK_ENTRIES: u32 = 256 * crate::LEAF_ENTRIES;

/// The most chunks of a row, as the kernel has it.
const CHUNKS_MAX: u32 = 16;

const _: () = assert!(crate::MAX_SIDE.div_ceil(CHUNK_ENTRIES) <= CHUNKS_MAX);

/// Rows and columns of the product that a block of threads makes.
const SIDE: u32 = 128;

/// A ChaCha or BLAKE3 key.
pub(super) type Key = [u32; 8];

/// Compiles all kernels to PTX for an architecture such as `compute_90`. Needs no card.
///
/// # Errors
/// When there is no NVRTC library, or it refuses.
pub fn compile(architecture: &str) -> Result<String, Unavailable> {
    Ok(compiled(architecture)?.to_src())
}

/// PTX by architecture. Compiling takes seconds, and cards of a machine are mostly alike.
static COMPILED: LazyLock<Mutex<HashMap<String, Ptx>>> = LazyLock::new(Mutex::default);

fn compiled(architecture: &str) -> Result<Ptx, Unavailable> {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(ptx) = compiled.get(architecture) {
        return Ok(ptx.clone());
    }
    // SAFETY: loads the library, as the compilation would, but tells instead of panicking.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(Unavailable::NoCompiler);
    }
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture={architecture}")],
        name: Some("mfenx_compute.cu".to_owned()),
        ..CompileOptions::default()
    };
    let ptx = compile_ptx_with_opts(SOURCE, options).map_err(|error| Unavailable::Compiler {
        architecture: architecture.to_owned(),
        log: match error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
            other => other.to_string(),
        },
    })?;
    compiled.insert(architecture.to_owned(), ptx.clone());
    Ok(ptx)
}

/// The kernels on one card.
#[derive(Debug)]
pub(super) struct Kernels {
    expand: CudaFunction,
    dp4a: CudaFunction,
    mma: Option<CudaFunction>,
    chunk_roots: CudaFunction,
    row_roots: CudaFunction,
    leaf_key: Key,
    node_key: Key,
}

/// Factors and product of a tile: `rows` lines of A, `columns` lines of B, each of `inner` entries,
/// and rows of the product `pitch` entries apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) inner: u32,
    pub(super) pitch: u32,
}

impl Shape {
    /// Whether buffers of these lengths hold it, and the kernels' conditions are met.
    fn fits(&self, a: usize, b: usize, c: usize) -> bool {
        let Self { rows, columns, inner, pitch } = *self;
        let cells = |lines: u32, length: u32| lines as usize * length as usize;
        rows > 0
            && columns > 0
            && columns <= pitch
            && inner.is_multiple_of(INNER_STEP)
            && pitch.is_multiple_of(crate::LEAF_ENTRIES)
            && cells(rows, inner) <= a
            && cells(columns, inner) <= b
            && cells(rows, pitch) <= c
    }
}

impl Kernels {
    /// Compiles and loads them for the card of this context.
    pub(super) fn load(
        context: &Arc<CudaContext>,
        capability: (u32, u32),
    ) -> Result<Self, Unavailable> {
        let (major, minor) = capability;
        let module = context.load_module(compiled(&format!("compute_{major}{minor}"))?)?;
        let function = |name| CudaModule::load_function(&module, name);
        let key =
            |context| crate::expansion::words(&blake3::hazmat::hash_derive_key_context(context));
        Ok(Self {
            expand: function("expand")?,
            dp4a: function("product_dp4a")?,
            mma: (major >= 8).then(|| function("product_mma")).transpose()?,
            chunk_roots: function("chunk_roots")?,
            row_roots: function("row_roots")?,
            leaf_key: key(crate::tree::LEAF_CONTEXT),
            node_key: key(crate::tree::NODE_CONTEXT),
        })
    }

    /// Whether there is a kernel for tensor cores.
    pub(super) const fn has_tensor_cores(&self) -> bool {
        self.mma.is_some()
    }

    /// Expands `count` lines of `k` entries from index `first` on, `inner` apart.
    pub(super) fn expand(
        &self,
        stream: &CudaStream,
        key: &Key,
        (first, count): (u32, u32),
        (k, inner): (u32, u32),
        out: &mut CudaViewMut<'_, i8>,
    ) -> Result<(), DriverError> {
        let length = count as usize * inner as usize;
        check(length <= out.len() && k <= inner && inner.is_multiple_of(INNER_STEP))?;
        let blocks = count * (inner / INNER_STEP);
        let mut launch = stream.launch_builder(&self.expand);
        launch.arg(key).arg(&first).arg(&count).arg(&k).arg(&inner).arg(out);
        // SAFETY: the kernel writes `count` lines of `inner` entries, which are there.
        unsafe { launch.launch(grid(blocks.div_ceil(256), 256)) }.map(drop)
    }

    /// The product of a tile, by tensor cores or without.
    pub(super) fn multiply(
        &self,
        stream: &CudaStream,
        tensor_cores: bool,
        shape: &Shape,
        (a, b): (&CudaSlice<i8>, &CudaSlice<i8>),
        c: &mut CudaSlice<i32>,
    ) -> Result<(), DriverError> {
        check(shape.fits(a.len(), b.len(), c.len()))?;
        let (kernel, inner) = match &self.mma {
            Some(mma) if tensor_cores => (mma, shape.inner),
            _ => (&self.dp4a, shape.inner / 4),
        };
        let blocks = shape.rows.div_ceil(SIDE) * shape.columns.div_ceil(SIDE);
        let mut launch = stream.launch_builder(kernel);
        launch.arg(a).arg(b).arg(c);
        launch.arg(&shape.rows).arg(&shape.columns).arg(&inner).arg(&shape.pitch);
        // SAFETY: the kernels read the lines and write the rows of the shape, which fits.
        unsafe { launch.launch(grid(blocks, 256)) }.map(drop)
    }

    /// The nodes above the chunks of a tile, the first of which is chunk `first` of the `chunks` of
    /// a row.
    pub(super) fn chunk_roots(
        &self,
        stream: &CudaStream,
        shape: &Shape,
        c: &CudaSlice<i32>,
        (first, chunks): (u32, u32),
        out: &mut CudaSlice<u32>,
    ) -> Result<(), DriverError> {
        let here = shape.columns.div_ceil(CHUNK_ENTRIES);
        let nodes = shape.rows as usize * chunks as usize * 8;
        check(shape.fits(usize::MAX, usize::MAX, c.len()))?;
        check(first + here <= chunks && nodes <= out.len())?;
        let mut launch = stream.launch_builder(&self.chunk_roots);
        launch.arg(&self.leaf_key).arg(&self.node_key).arg(c);
        launch.arg(&shape.columns).arg(&shape.pitch).arg(&first).arg(&chunks).arg(out);
        // SAFETY: the kernel reads rows that are there, and writes one node for each of their chunks.
        unsafe { launch.launch(grid(shape.rows * here, 256)) }.map(drop)
    }

    /// The roots of `rows` rows from the nodes above their chunks.
    pub(super) fn row_roots(
        &self,
        stream: &CudaStream,
        nodes: &CudaSlice<u32>,
        (rows, chunks): (u32, u32),
        out: &mut CudaSlice<u32>,
    ) -> Result<(), DriverError> {
        check(rows as usize * chunks as usize * 8 <= nodes.len())?;
        check(chunks <= CHUNKS_MAX && rows as usize * 8 <= out.len())?;
        let mut launch = stream.launch_builder(&self.row_roots);
        launch.arg(&self.node_key).arg(nodes).arg(&rows).arg(&chunks).arg(out);
        // SAFETY: the kernel reads the nodes of `rows` rows and writes a root each.
        unsafe { launch.launch(grid(rows.div_ceil(64), 64)) }.map(drop)
    }
}

/// Nothing is launched with sizes that its buffers do not have.
fn check(holds: bool) -> Result<(), DriverError> {
    if holds { Ok(()) } else { Err(DriverError(sys::CUresult::CUDA_ERROR_INVALID_VALUE)) }
}

const fn grid(blocks: u32, threads: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (threads, 1, 1), shared_mem_bytes: 0 }
}
