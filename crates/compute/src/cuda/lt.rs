//! The product by cuBLASLt: int8 factors, int32 sums, exact.
//!
//! cuBLASLt counts columns first. Its first factor is B as stored, lines of `inner` entries, taken
//! transposed; its second is A as stored; its result is the product, row after row. That is the one
//! order of factors for which it has int8 kernels.

use super::{kernels::Shape, plan::ROWS_STEP};
use cudarc::{
    cublaslt::{
        result::{self, CublasError},
        sys,
    },
    driver::{CudaSlice, CudaStream, DevicePtr, DevicePtrMut},
};
use std::sync::{Mutex, PoisonError};

/// Device memory that a product may use beside its result, as NVIDIA advises for Hopper.
pub(super) const WORKSPACE_BYTES: usize = 32 << 20;

/// Kernels chosen that are remembered: a round has two or three shapes.
const CHOICES_MAX: usize = 16;

/// CUBLAS_OP_T of cublas_api.h.
static TRANSPOSED: i32 = 1;

/// A handle on one card.
#[derive(Debug)]
pub(super) struct Lt {
    handle: sys::cublasLtHandle_t,
    choices: Mutex<Vec<(Shape, sys::cublasLtMatmulAlgo_t)>>,
}

// SAFETY: cuBLASLt handles may be used by several threads.
unsafe impl Send for Lt {}
// SAFETY: as above.
unsafe impl Sync for Lt {}

impl Drop for Lt {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and nothing uses it any more.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

impl Lt {
    /// None where there is no cuBLASLt. The context of the card must be the thread's.
    pub(super) fn new() -> Option<Result<Self, CublasError>> {
        // SAFETY: loads the library, as the first call would, but tells instead of panicking.
        if !unsafe { sys::is_culib_present() } {
            return None;
        }
        let handle = result::create_handle();
        Some(handle.map(|handle| Self { handle, choices: Mutex::default() }))
    }

    /// As [`super::kernels::Kernels::multiply`]. Rows up to a step and columns up to the pitch are
    /// computed: not every number has a kernel. The buffers must have room for them.
    pub(super) fn multiply(
        &self,
        stream: &CudaStream,
        shape: &Shape,
        (a, b): (&CudaSlice<i8>, &CudaSlice<i8>),
        c: &mut CudaSlice<i32>,
        workspace: &mut CudaSlice<u8>,
    ) -> Result<(), CublasError> {
        let Shape { inner, pitch, .. } = *shape;
        let rows = shape.rows.next_multiple_of(ROWS_STEP);
        let shape = &Shape { rows, columns: pitch, inner, pitch };
        let cells = |lines: u32, length: u32| lines as usize * length as usize;
        let fits = cells(rows, inner) <= a.len()
            && cells(pitch, inner) <= b.len()
            && cells(rows, pitch) <= c.len();
        if !fits || workspace.len() < WORKSPACE_BYTES {
            return Err(CublasError(sys::cublasStatus_t::CUBLAS_STATUS_INVALID_VALUE));
        }
        let problem = Problem::new(shape)?;
        let algorithm = self.choice(shape, &problem)?;
        let (alpha, beta) = (1_i32, 0_i32);
        let (a, _a) = a.device_ptr(stream);
        let (b, _b) = b.device_ptr(stream);
        let (c, _c) = c.device_ptr_mut(stream);
        let (workspace, _workspace) = workspace.device_ptr_mut(stream);
        // SAFETY: the layouts describe buffers that are long enough, on the card whose stream this
        // is; the scalars are of the type that the description names and are read before it returns.
        unsafe {
            result::matmul(
                self.handle,
                problem.operation.0,
                (&raw const alpha).cast(),
                (&raw const beta).cast(),
                b as *const _,
                problem.b.0,
                a as *const _,
                problem.a.0,
                c as *const _,
                problem.c.0,
                c as *mut _,
                problem.c.0,
                &raw const algorithm,
                workspace as *mut _,
                WORKSPACE_BYTES,
                stream.cu_stream().cast(),
            )
        }
    }

    /// The kernel that cuBLASLt thinks the fastest.
    fn choice(
        &self,
        shape: &Shape,
        problem: &Problem,
    ) -> Result<sys::cublasLtMatmulAlgo_t, CublasError> {
        let mut choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, algorithm)) = choices.iter().find(|(known, _)| known == shape) {
            return Ok(*algorithm);
        }
        let preference = Preference(result::create_matmul_pref()?);
        let workspace = WORKSPACE_BYTES;
        // SAFETY: the attribute is a 64-bit size, and all handles are alive.
        let found = unsafe {
            result::set_matmul_pref_attribute(
                preference.0,
                sys::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                (&raw const workspace).cast(),
                size_of::<usize>(),
            )?;
            let Problem { operation, a, b, c } = problem;
            result::get_matmul_algo_heuristic(
                self.handle,
                operation.0,
                b.0,
                a.0,
                c.0,
                c.0,
                preference.0,
            )?
        };
        choices.truncate(CHOICES_MAX - 1);
        choices.push((*shape, found.algo));
        Ok(found.algo)
    }
}

/// What cuBLASLt is told about a product.
struct Problem {
    operation: Operation,
    a: Layout,
    b: Layout,
    c: Layout,
}

impl Problem {
    fn new(shape: &Shape) -> Result<Self, CublasError> {
        use sys::cudaDataType_t::{CUDA_R_8I, CUDA_R_32I};
        let Shape { rows, inner, pitch, .. } = *shape;
        let layout = |kind, rows: u32, columns: u32, stride: u32| {
            result::create_matrix_layout(kind, rows.into(), columns.into(), stride.into())
                .map(Layout)
        };
        Ok(Self {
            operation: Operation::new()?,
            a: layout(CUDA_R_8I, inner, rows, inner)?,
            b: layout(CUDA_R_8I, inner, pitch, inner)?,
            c: layout(CUDA_R_32I, pitch, rows, pitch)?,
        })
    }
}

struct Operation(sys::cublasLtMatmulDesc_t);

impl Operation {
    fn new() -> Result<Self, CublasError> {
        let operation = Self(result::create_matmul_desc(
            sys::cublasComputeType_t::CUBLAS_COMPUTE_32I,
            sys::cudaDataType_t::CUDA_R_32I,
        )?);
        // SAFETY: the attribute is an operation, 32 bits.
        unsafe {
            result::set_matmul_desc_attribute(
                operation.0,
                sys::cublasLtMatmulDescAttributes_t::CUBLASLT_MATMUL_DESC_TRANSA,
                (&raw const TRANSPOSED).cast(),
                size_of::<i32>(),
            )?;
        }
        Ok(operation)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // SAFETY: made by `new`; calls under way do not need it.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}

struct Layout(sys::cublasLtMatrixLayout_t);

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: made by `create_matrix_layout`; calls under way do not need it.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

struct Preference(sys::cublasLtMatmulPreference_t);

impl Drop for Preference {
    fn drop(&mut self) {
        // SAFETY: made by `create_matmul_pref`, and only asked for advice.
        let _ = unsafe { result::destroy_matmul_pref(self.0) };
    }
}
