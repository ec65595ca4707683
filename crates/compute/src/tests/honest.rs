use crate::{Prover, Reference, Task, max_proof_bytes, unwatched, verify};

#[test]
fn an_honest_proof_holds() {
    for (m, k, p, rounds) in [(1, 1, 1, 1), (3, 5, 17, 2), (33, 100, 70, 3), (8, 257, 16, 1)] {
        let task = Task::new([7; 32], m, k, p, rounds).unwrap();
        let mut prover = Prover::new(task);
        prover.run(&Reference, &unwatched).unwrap();
        for samples in [1, 64, 256] {
            let proof = prover.open(&Reference, &[9; 32], samples, &unwatched).unwrap();
            assert!(proof.len() <= max_proof_bytes(&task, samples));
            assert_eq!(verify(&task, prover.roots(), &[9; 32], samples, &proof), Ok(()));
        }
    }
}
