//! Token buckets: so much in the long run, and so much at once.

use crate::config::TopicLimits;
use std::time::Instant;

/// A bucket that fills with time and is emptied by use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst);
        Self { per_second: f64::from(per_second), burst, tokens: burst, filled: now }
    }

    fn fill(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.filled);
        self.tokens = (self.tokens + time.as_secs_f64() * self.per_second).min(self.burst);
        self.filled = now;
    }

    /// Takes `count` tokens, or none when there are fewer.
    pub(crate) fn take(&mut self, count: usize, now: Instant) -> bool {
        self.fill(now);
        let count = count as f64;
        let enough = self.tokens >= count;
        if enough {
            self.tokens -= count;
        }
        enough
    }
}

/// What one peer may pass to us on one topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GossipBucket {
    messages: Bucket,
    bytes: Bucket,
    /// Empty when what was refused amounts to a flood: four times the burst.
    patience: Bucket,
}

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Pass,
    Drop,
    /// Drop it, and the peer.
    Flood,
}

impl GossipBucket {
    pub(crate) fn new(limits: &TopicLimits, now: Instant) -> Self {
        let patience = limits.messages_burst.saturating_mul(4);
        Self {
            messages: Bucket::new(limits.messages_per_second, limits.messages_burst, now),
            bytes: Bucket::new(limits.bytes_per_second, limits.bytes_burst, now),
            patience: Bucket::new(limits.messages_per_second, patience, now),
        }
    }

    pub(crate) fn admit(&mut self, bytes: usize, now: Instant) -> Admission {
        if self.messages.take(1, now) && self.bytes.take(bytes, now) {
            Admission::Pass
        } else if self.patience.take(1, now) {
            Admission::Drop
        } else {
            Admission::Flood
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        assert_eq!((0..20).filter(|_| bucket.take(1, start)).count(), 5);
        let later = start + Duration::from_millis(301);
        assert_eq!((0..20).filter(|_| bucket.take(1, later)).count(), 3);
        let much_later = start + Duration::from_secs(100);
        assert_eq!((0..20).filter(|_| bucket.take(1, much_later)).count(), 5);
        assert!(!bucket.take(6, start + Duration::from_secs(200)));
    }

    #[test]
    fn messages_are_dropped_long_before_the_peer_is() {
        let now = Instant::now();
        let limits = TopicLimits {
            message_bytes_max: 10,
            messages_per_second: 1,
            messages_burst: 5,
            bytes_per_second: 10,
            bytes_burst: 30,
        };
        let mut bucket = GossipBucket::new(&limits, now);
        let results: Vec<_> = (0..30).map(|_| bucket.admit(10, now)).collect();
        let count = |what| results.iter().filter(|&&result| result == what).count();
        assert_eq!(count(Admission::Pass), 3, "30 bytes are three messages");
        assert_eq!(count(Admission::Drop), 20);
        assert_eq!(count(Admission::Flood), 7);
    }
}
