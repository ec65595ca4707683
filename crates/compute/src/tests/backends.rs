use crate::{Backend, CpuBackend, Reference, Task, kernel::Isa, unwatched};
use std::num::NonZeroUsize;

#[test]
fn every_instruction_set_gives_what_the_reference_gives() {
    for (m, k, p) in
        [(1, 1, 1), (3, 5, 17), (33, 100, 70), (8, 257, 16), (16, 1500, 129), (70, 64, 700)]
    {
        let round = Task::new([3; 32], m, k, p, 1).unwrap().round([4; 32]);
        let roots = Reference.row_roots(&round, &unwatched).unwrap();
        let rows: Vec<u32> = (0..m).step_by(3).collect();
        let entries = Reference.rows(&round, &rows, &unwatched).unwrap();
        for isa in Isa::all() {
            for (threads, kept) in [(1, 0), (2, 1 << 20)] {
                let backend = CpuBackend::with_isa(NonZeroUsize::new(threads).unwrap(), isa)
                    .unwrap()
                    .keeping(kept);
                assert_eq!(
                    backend.rows(&round, &rows, &unwatched).unwrap(),
                    entries,
                    "{isa:?} {m} {k} {p}"
                );
                assert_eq!(
                    backend.row_roots(&round, &unwatched).unwrap(),
                    roots,
                    "{isa:?} {m} {k} {p}"
                );
            }
        }
    }
}
