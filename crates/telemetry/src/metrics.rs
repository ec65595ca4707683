//! The process-wide recorder of metrics.

use crate::logs::TelemetryError;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of latency buckets, in seconds: from a header lookup to a slow trace.
const SECONDS: [f64; 14] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 20.0,
];

/// Handle on everything recorded so far; cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Installs the recorder for the process.
    ///
    /// # Errors
    /// A recorder is already installed.
    pub fn install() -> Result<Self, TelemetryError> {
        let twice = |error: metrics_exporter_prometheus::BuildError| {
            TelemetryError::Twice(error.to_string())
        };
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .map_err(twice)?
            .install_recorder()
            .map(Self)
            .map_err(twice)
    }

    /// Everything recorded, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds histogram samples into their buckets; call it every few seconds, so that a process
    /// nobody scrapes does not keep them all.
    pub fn run_upkeep(&self) {
        self.0.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_values_are_rendered() {
        let handle = Metrics::install().unwrap();
        metrics::counter!("mfenx_test_total").increment(3);
        metrics::histogram!("mfenx_test_seconds").record(0.002);
        handle.run_upkeep();
        let text = handle.render();
        assert!(text.contains("mfenx_test_total 3"), "{text}");
        assert!(text.contains("mfenx_test_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
        assert!(Metrics::install().is_err());
    }
}
