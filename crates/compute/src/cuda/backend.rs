//! All cards as one backend.

use super::{
    card::{Card, Rows},
    device::{CudaDevice, Unavailable, devices},
};
use crate::{Backend, BackendError, Hash, Reference, Round, Task, Watch, unwatched};
use std::{thread, thread::ScopedJoinHandle};

/// How a card multiplies. All give the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// NVIDIA's library: the fastest by far on cards since 2022.
    CublasLt,
    /// Our own kernel for tensor cores, from compute capability 8.0 on.
    TensorCores,
    /// Four multiply-adds an instruction, on every card.
    Dp4a,
}

impl Product {
    /// Fastest first.
    pub const ALL: [Self; 3] = [Self::CublasLt, Self::TensorCores, Self::Dp4a];

    /// What to call it in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CublasLt => "cuBLASLt",
            Self::TensorCores => "tensor cores",
            Self::Dp4a => "dp4a",
        }
    }
}

/// Which cards to use, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CudaOptions {
    /// Ordinals of the cards to use; all when none are named.
    pub devices: Vec<usize>,
    /// How to multiply; the fastest that works when none is named.
    pub product: Option<Product>,
    /// Bytes of each card's memory to use at most; nearly all that is free when not given.
    pub memory_max: Option<u64>,
}

/// Cards that share the rows of each round.
#[derive(Debug)]
pub struct CudaBackend {
    cards: Vec<Card>,
    name: String,
}

impl CudaBackend {
    /// Opens the cards, compiles the kernels and checks each card on a small round.
    ///
    /// # Errors
    /// When CUDA is not there, or a card that is to be used cannot be.
    pub fn new(options: &CudaOptions) -> Result<Self, Unavailable> {
        let found = devices()?;
        let chosen: Vec<_> = match options.devices.as_slice() {
            [] => found.iter().collect(),
            some => some
                .iter()
                .map(|ordinal| {
                    found
                        .get(*ordinal)
                        .ok_or(Unavailable::NoSuchDevice { ordinal: *ordinal, count: found.len() })
                })
                .collect::<Result<_, _>>()?,
        };
        let cards = chosen
            .into_iter()
            .map(|device| checked(device, options))
            .collect::<Result<Vec<_>, _>>()?;
        let names: Vec<_> = cards
            .iter()
            .map(|card| format!("{} ({})", card.device.name, card.product.name()))
            .collect();
        Ok(Self { cards, name: format!("cuda: {}", names.join(", ")) })
    }

    /// The cards at work and how each multiplies.
    pub fn devices(&self) -> impl Iterator<Item = (&CudaDevice, Product)> {
        self.cards.iter().map(|card| (&card.device, card.product))
    }

    /// The first card.
    pub(super) fn first(&self) -> Result<&Card, BackendError> {
        self.cards.first().ok_or_else(|| BackendError::Device("no card".to_owned()))
    }
}

impl Backend for CudaBackend {
    fn name(&self) -> &str {
        &self.name
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<Hash>, BackendError> {
        let rows = Rows::new(round.m());
        let cards = self.cards.len() as u32;
        let run = |card: &Card| {
            card.row_roots(round, cards, &rows, watch).map_err(|error| of_card(card, error))
        };
        let parts: Vec<_> = match self.cards.as_slice() {
            [card] => vec![run(card)],
            // A thread a card, which sleeps while its card works.
            cards => thread::scope(|scope| {
                let threads: Vec<_> =
                    cards.iter().map(|card| scope.spawn(move || run(card))).collect();
                threads.into_iter().map(joined).collect()
            }),
        };
        let mut roots = vec![Hash::default(); round.m() as usize];
        let mut got = 0;
        for part in parts {
            for (first, words) in part? {
                let tile = words.as_chunks::<8>().0;
                got += tile.len();
                for (root, words) in roots.iter_mut().skip(first as usize).zip(tile) {
                    for (bytes, word) in root.as_chunks_mut::<4>().0.iter_mut().zip(words) {
                        *bytes = word.to_le_bytes();
                    }
                }
            }
        }
        let asked = roots.len();
        if got == asked { Ok(roots) } else { Err(BackendError::Incomplete { asked, got }) }
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let card = self.first()?;
        card.rows(round, rows, watch).map_err(|error| of_card(card, error))
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, BackendError>>) -> Result<T, BackendError> {
    let died = |_| Err(BackendError::Device("the thread of a card panicked".to_owned()));
    thread.join().unwrap_or_else(died)
}

/// Says which card it was.
fn of_card(card: &Card, error: BackendError) -> BackendError {
    let CudaDevice { ordinal, name, .. } = &card.device;
    match error {
        BackendError::Memory(what) => {
            BackendError::Memory(format!("device {ordinal}, {name}: {what}"))
        }
        BackendError::Device(what) => {
            BackendError::Device(format!("device {ordinal}, {name}: {what}"))
        }
        other => other,
    }
}

/// The card with the first way of multiplying that gives what the reference gives.
fn checked(device: &CudaDevice, options: &CudaOptions) -> Result<Card, Unavailable> {
    let tried = match &options.product {
        Some(product) => std::slice::from_ref(product),
        None => &Product::ALL,
    };
    let mut reasons = Vec::new();
    for product in tried {
        match Card::new(device, *product, options.memory_max) {
            Ok(card) => match check(&card) {
                Ok(()) => return Ok(card),
                Err(reason) => reasons.push(format!("{}: {reason}", product.name())),
            },
            Err(Unavailable::Wrong { reasons: reason, .. }) => {
                reasons.push(format!("{}: {reason}", product.name()));
            }
            Err(error) => return Err(error),
        }
    }
    Err(Unavailable::Wrong { name: device.name.clone(), reasons: reasons.join("; ") })
}

/// A round with rows, columns and inner entries that fill no tile.
fn check(card: &Card) -> Result<(), String> {
    let round = Task::new([0x5c; 32], 37, 131, 90, 1)
        .map(|task| task.round(*task.seed()))
        .map_err(|error| error.to_string())?;
    let expected = Reference.row_roots(&round, &unwatched).map_err(|error| error.to_string())?;
    let tiles = card
        .row_roots(&round, 1, &Rows::new(round.m()), &unwatched)
        .map_err(|error| error.to_string())?;
    let got = tiles.into_iter().flat_map(|(_, words)| words);
    let words = expected.iter().flat_map(crate::expansion::words);
    if words.eq(got) { Ok(()) } else { Err("its product differs from the reference".to_owned()) }
}
