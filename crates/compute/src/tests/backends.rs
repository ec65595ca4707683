use crate::{
    Backend, BackendError, CpuBackend, Prover, ProverError, Reference, Round, Task, Watch,
    conformance, kernel::Isa, unwatched,
};
use std::{
    num::NonZeroUsize,
    ops::ControlFlow,
    sync::atomic::{AtomicU64, Ordering},
};

#[test]
fn the_cpu_backend_conforms_under_every_instruction_set() {
    for isa in Isa::all() {
        for (threads, kept) in [(1, 0), (3, 1 << 28)] {
            let threads = NonZeroUsize::new(threads).unwrap();
            let backend = CpuBackend::with_isa(threads, isa).unwrap().keeping(kept);
            assert_eq!(conformance::check(&backend), Ok(()));
        }
    }
}

/// Changes row roots and entries of rows; only one of them is there at a time.
type Change = fn(&Round, &mut Vec<[u8; 32]>, &mut Vec<i32>);

/// A backend that is wrong in one way.
struct Wrong(Change);

impl Backend for Wrong {
    fn name(&self) -> &str {
        "wrong"
    }

    fn row_roots(&self, round: &Round, watch: &Watch<'_>) -> Result<Vec<[u8; 32]>, BackendError> {
        let mut roots = Reference.row_roots(round, watch)?;
        (self.0)(round, &mut roots, &mut Vec::new());
        Ok(roots)
    }

    fn rows(
        &self,
        round: &Round,
        rows: &[u32],
        watch: &Watch<'_>,
    ) -> Result<Vec<i32>, BackendError> {
        let mut entries = Reference.rows(round, rows, watch)?;
        (self.0)(round, &mut Vec::new(), &mut entries);
        Ok(entries)
    }
}

#[test]
fn the_suite_finds_a_wrong_backend() {
    let last_root: Change = |round, roots, _| {
        if let (true, Some(root)) = (round.m() == 130, roots.last_mut()) {
            root[31] ^= 1;
        }
    };
    let one_more: Change = |_, roots, _| {
        let last = roots.last().copied();
        roots.extend(last);
    };
    let last_entry: Change = |round, _, entries| {
        if let (true, Some(entry)) = (round.p() == 700, entries.last_mut()) {
            *entry += 1;
        }
    };
    for wrong in [last_root, one_more, last_entry] {
        assert!(conformance::check(&Wrong(wrong)).is_err());
    }
    assert_eq!(conformance::check(&Wrong(|_, _, _| ())), Ok(()));
}

#[test]
fn a_prover_trusts_no_backend() {
    let task = Task::new([1; 32], 9, 9, 40, 2).unwrap();
    let few = Wrong(|_, roots, entries| {
        roots.pop();
        entries.pop();
    });
    let mut prover = Prover::new(task);
    let error = BackendError::Incomplete { asked: 9, got: 8 };
    assert_eq!(prover.step(&few, &unwatched), Err(error));
    assert!(prover.roots().is_empty());
    prover.run(&Reference, &unwatched).unwrap();
    let open = |backend: &dyn Backend| prover.open(backend, &[0; 32], 3, &unwatched);
    assert!(matches!(open(&few), Err(ProverError::Backend(BackendError::Incomplete { .. }))));
    let other = Wrong(|_, _, entries| entries[0] += 1);
    assert!(matches!(open(&other), Err(ProverError::Changed { .. })));
    assert!(open(&Reference).is_ok());
}

#[test]
fn a_prover_goes_on_where_it_was_stopped() {
    let task = Task::new([1; 32], 9, 9, 40, 3).unwrap();
    let mut prover = Prover::new(task);
    prover.step(&Reference, &unwatched).unwrap();
    let unfinished = ProverError::Unfinished { done: 1, rounds: 3 };
    assert_eq!(prover.open(&Reference, &[0; 32], 3, &unwatched), Err(unfinished));
    let mut resumed = Prover::resume(task, prover.row_roots().to_vec()).unwrap();
    resumed.run(&Reference, &unwatched).unwrap();
    prover.run(&Reference, &unwatched).unwrap();
    assert_eq!(prover, resumed);
    prover.step(&Reference, &unwatched).unwrap();
    assert_eq!(prover, resumed, "a step behind the end does nothing");
    assert!(Prover::resume(task, vec![vec![[0; 32]; 8]]).is_err());
    assert!(Prover::resume(task, vec![vec![[0; 32]; 9]; 4]).is_err());
}

#[test]
fn the_watch_hears_of_all_the_work_and_can_stop_it() {
    let round = Task::new([1; 32], 100, 70, 500, 1).unwrap().round([2; 32]);
    let backend = CpuBackend::new(NonZeroUsize::new(2).unwrap()).unwrap();
    let (done, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let listen = |more: u64| {
        done.fetch_add(more, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    backend.row_roots(&round, &listen).unwrap();
    let (done, calls) = (done.into_inner(), calls.into_inner());
    assert_eq!(done, round.multiply_adds());
    assert!(calls > 4, "a step is a part of the work: {calls}");
    let steps = AtomicU64::new(0);
    let stop = |_: u64| match steps.fetch_add(1, Ordering::Relaxed) {
        2.. => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(backend.row_roots(&round, &stop), Err(BackendError::Interrupted));
}
