//! What happened since the last look: slots for everybody, jobs and earnings of ours.

use super::{Worker, rounds::BENCHMARK_SAMPLES};
use crate::{
    book::Entry,
    contract::{Happened, Head, signature},
    error::WorkerError,
    interface::ICompute::{self, IComputeEvents as Event, JobState},
};
use alloy_primitives::{B256, U256};
use mfenx_client::ClientError;

/// Blocks whose events are asked for at once.
pub(crate) const BLOCKS_MAX: u64 = 1_000;

/// Asks for a range of blocks, and for a shorter one as long as the node refuses it: there may be more
/// events than it answers with. What was found, and up to which block.
pub(crate) fn within<T>(
    (from, mut to): (u64, u64),
    mut ask: impl FnMut((u64, u64)) -> Result<T, WorkerError>,
) -> Result<(T, u64), WorkerError> {
    loop {
        match ask((from, to)) {
            Ok(found) => return Ok((found, to)),
            Err(WorkerError::Client(ClientError::Rpc { .. })) if to > from => {
                to = from + (to - from) / 2;
            }
            Err(error) => return Err(error),
        }
    }
}

impl Worker {
    /// Reads the events since the last look. Ours first: what happens to others, however much of it,
    /// keeps no job of ours waiting.
    pub(super) fn hear(&mut self, head: Head) -> Result<(), WorkerError> {
        self.hear_of_us(head)?;
        if let Err(error) = self.hear_of_everybody(head) {
            tracing::warn!(%error, "what was ordered is not heard now");
        }
        Ok(())
    }

    fn hear_of_everybody(&mut self, head: Head) -> Result<(), WorkerError> {
        let everybody = [
            signature::<ICompute::Posted>(),
            signature::<ICompute::RoundOpened>(),
            signature::<ICompute::Redrawn>(),
            signature::<ICompute::Cancelled>(),
        ];
        while self.heard < head.number {
            let range = (self.heard + 1, head.number.min(self.heard + BLOCKS_MAX));
            let (found, to) = within(range, |range| self.contract.events(range, &everybody, None))?;
            for happened in found {
                match &happened.event {
                    Event::RoundOpened(it) => self.remember_round(it.round, it.height),
                    _ => self.chores.hear(&self.contract, &happened)?,
                }
            }
            self.heard = to;
        }
        Ok(())
    }

    fn hear_of_us(&mut self, head: Head) -> Result<(), WorkerError> {
        let ours = [
            signature::<ICompute::Assigned>(),
            signature::<ICompute::Committed>(),
            signature::<ICompute::Verified>(),
            signature::<ICompute::Failed>(),
            signature::<ICompute::Late>(),
        ];
        while self.book.cursor() < head.number {
            let from = self.book.cursor() + 1;
            let range = (from, head.number.min(from + BLOCKS_MAX - 1));
            let ours = |range| self.contract.events(range, &ours, Some((2, self.name)));
            let (found, to) = within(range, ours)?;
            // The earnings and the cursor are written together, so nothing is counted twice.
            let mut jobs = Vec::new();
            let before = *self.book.earnings();
            for happened in found {
                match self.count(&happened) {
                    Ok(job) => jobs.extend(job),
                    Err(error) => {
                        *self.book.earnings_mut() = before;
                        return Err(error);
                    }
                }
            }
            for (id, seed) in jobs {
                if let Err(error) = self.accept(id, seed) {
                    *self.book.earnings_mut() = before;
                    return Err(error);
                }
            }
            self.book.set_cursor(to);
            if to < head.number {
                self.book.save()?;
            }
        }
        Ok(())
    }

    /// Counts an event of ours; a job that was assigned, with its seed, or that we have committed to.
    fn count(&mut self, happened: &Happened) -> Result<Option<(U256, Option<B256>)>, WorkerError> {
        match &happened.event {
            Event::Assigned(it) => return Ok(Some((it.job, Some(it.seed)))),
            Event::Committed(it) => return Ok(Some((it.job, None))),
            Event::Verified(it) if is_benchmark(it.job) => self.book.earnings_mut().benchmarks += 1,
            Event::Verified(it) => {
                let order = self.contract.view(&ICompute::orderCall { id: it.job >> 64 })?;
                let work = [order.k, order.p, order.rounds]
                    .iter()
                    .fold(u128::from(order.m), |work, size| work.saturating_mul((*size).into()));
                let earnings = self.book.earnings_mut();
                earnings.verified += 1;
                earnings.earned = earnings.earned.saturating_add(it.reward);
                earnings.multiply_adds = earnings.multiply_adds.saturating_add(work);
            }
            Event::Failed(it) => {
                tracing::error!(job = %it.job, opened = it.opened, "a job of ours failed");
                self.book.earnings_mut().failed += 1;
            }
            Event::Late(it) => {
                tracing::warn!(job = %it.job, "a job of ours was late");
                self.book.earnings_mut().late += 1;
            }
            _ => {}
        }
        Ok(None)
    }

    /// Takes a job in, unless it is here or over. Whose book is new finds here what it has committed to.
    fn accept(&mut self, id: U256, seed: Option<B256>) -> Result<(), WorkerError> {
        let is_here = match seed {
            Some(seed) => self.book.has(id, seed),
            None => self.book.jobs().contains_key(&id),
        };
        if is_here {
            return Ok(());
        }
        let job = self.contract.view(&ICompute::jobCall { id })?;
        if !matches!(job.state, JobState::Assigned | JobState::Committed) {
            return Ok(());
        }
        let is_benchmark = is_benchmark(id);
        let ([m, k, p, rounds], samples) = if is_benchmark {
            let classes = self.contract.view(&ICompute::classesCall {})?;
            let Some(it) = classes.get(usize::from(job.class)) else { return Ok(()) };
            ([it.m, it.k, it.p, it.rounds], BENCHMARK_SAMPLES)
        } else {
            let it = self.contract.view(&ICompute::orderCall { id: id >> 64 })?;
            ([it.m, it.k, it.p, it.rounds], it.samples.into())
        };
        let deadline = job.deadline.to();
        let entry = Entry { seed: job.seed, m, k, p, rounds, samples, deadline, is_benchmark };
        if !self.book.add(id, entry) {
            tracing::error!(job = %id, "there are more jobs than the contract should give");
        }
        Ok(())
    }
}

/// Benchmarks have the highest bit.
fn is_benchmark(job: U256) -> bool {
    job.bit(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal() -> WorkerError {
        let message = "query returned more than 10000 results".into();
        WorkerError::Client(ClientError::Rpc { method: "eth_getLogs", code: -32005, message })
    }

    #[test]
    fn a_range_with_too_many_events_is_asked_for_in_parts() {
        // Seven blocks at a time are answered.
        let ask = |(from, to): (u64, u64)| if to - from < 7 { Ok(to) } else { Err(refusal()) };
        let (mut heard, mut asked) = (0, 0);
        while heard < 1_000 {
            let (found, to) = within((heard + 1, 1_000), |range| {
                asked += 1;
                ask(range)
            })
            .unwrap();
            assert!(found == to && to > heard && to <= 1_000);
            heard = to;
        }
        assert!(asked < 4_000, "{asked}");
        // One block that is refused is refused.
        assert!(within((5, 9), |_| Err::<(), _>(refusal())).is_err());
    }
}
