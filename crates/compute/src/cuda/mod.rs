//! The backend for NVIDIA cards, found at run time.
//!
//! Nothing of CUDA is needed to build or to start: the driver, NVRTC and cuBLASLt are looked for
//! when [`CudaBackend::new`] is called, and [`Unavailable`] says what is missing. Kernels are
//! compiled on the spot for the cards that are there.
//!
//! A round goes by tiles of rows, which the cards take from a queue. A card holds B, or a tile of
//! its columns, and two lanes, each a stream with its rows of A and of the product: while one
//! multiplies, the other expands or hashes. Only the roots of rows leave the card.
//!
//! # Invariants
//! - The bytes are those of [`crate::Reference`]. A card whose product differs on a small round is
//!   refused at the start, and the next slower kernel is tried.
//! - Host memory is 32 bytes a row of the product, and for [`Backend::rows`](crate::Backend::rows)
//!   the rows asked for twice.
//! - A watch that breaks is heard after each tile; what runs on the card then ends by itself.
//!
//! # Deliberately absent
//! Products spread over machines, and copies from card to card: rows are independent, so that cards
//! share nothing but the seed.

// Kernels are launched and cuBLASLt is called through C.
#![allow(unsafe_code)]

mod backend;
mod card;
mod device;
mod kernels;
mod lt;
mod measure;
mod plan;

pub use backend::{CudaBackend, CudaOptions, Product};
pub use device::{CudaDevice, Unavailable, devices};
pub use kernels::compile;
pub use measure::Phases;
