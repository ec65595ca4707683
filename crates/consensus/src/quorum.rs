//! How much voting power decides, and how much lets an authority skip to a later round.

use malachite_core_types::{ThresholdParam, ThresholdParams};
use mfenx_primitives::Quorum;

/// The core's thresholds for a quorum rule; each is met by strictly more than its share.
///
/// | rule | faults | quorum | skip |
/// |---|---|---|---|
/// | `bft` | less than 1/3, of any kind | more than 2/3 | more than 1/3 |
/// | `majority` | less than 1/2, crashes only | more than 1/2 | anything |
///
/// *Quorum.* Two quorums share more than 1/3 under `bft`, so an honest authority; under `majority`
/// they share somebody, and nobody lies.
///
/// *Skip.* Votes of a later round justify entering it when one of their senders is certainly
/// honest, for an honest one got there by a quorum's precommits. That is the faulty power plus one:
/// more than 1/3 under `bft`. Under `majority` the lying power is zero by assumption, so one vote
/// suffices. Nothing about safety hangs on the skip: decisions need quorums within a round. A higher
/// share would cost progress instead: with three equal authorities of which one is down and one a
/// round ahead, more than 1/3 is two votes, and there is only one.
pub fn thresholds(quorum: Quorum) -> ThresholdParams {
    match quorum {
        Quorum::Bft => {
            ThresholdParams { quorum: ThresholdParam::new(2, 3), honest: ThresholdParam::new(1, 3) }
        }
        Quorum::Majority => {
            ThresholdParams { quorum: ThresholdParam::new(1, 2), honest: ThresholdParam::new(0, 1) }
        }
    }
}
