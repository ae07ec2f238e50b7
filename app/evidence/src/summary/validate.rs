//! What a summary must keep to, beyond the shape of its file.

use super::{Ratio, Summary};
use crate::parse;

impl Summary {
    pub(super) fn validate(&self) -> Result<(), parse::Fault> {
        for (at, metric) in self.metrics.iter().enumerate() {
            let fault = |message: String| {
                parse::Fault::at_id(&metric.id, format!("metric \"{}\": {message}", metric.id))
            };
            if self.metrics.iter().take(at).any(|other| other.id == metric.id) {
                return Err(fault("is listed twice".into()));
            }
            for (name, figure) in [("rust", metric.rust), ("go", metric.go)] {
                if let Some(message) = figure.and_then(|figure| figure.fault(name)) {
                    return Err(fault(message));
                }
            }
            if let Some(message) = metric.ratio.and_then(Ratio::fault) {
                return Err(fault(message));
            }
        }
        self.validate_variants()?;
        self.validate_sweep()?;
        self.validate_timelines()
    }

    fn validate_variants(&self) -> Result<(), parse::Fault> {
        for (at, variant) in self.variants.iter().enumerate() {
            let fault = |message: String| {
                parse::Fault::at_id(&variant.id, format!("variant \"{}\": {message}", variant.id))
            };
            if self.variants.iter().take(at).any(|other| other.id == variant.id) {
                return Err(fault("is listed twice".into()));
            }
            for (at, metric) in variant.metrics.iter().enumerate() {
                let fault = |message: String| fault(format!("metric \"{}\" {message}", metric.id));
                if variant.metrics.iter().take(at).any(|other| other.id == metric.id) {
                    return Err(fault("is listed twice".into()));
                }
                let figure = metric.figure.and_then(|figure| figure.fault("figure"));
                let ratios = [metric.ratio, metric.rust_over, metric.go_over];
                let ratio = || ratios.into_iter().flatten().find_map(Ratio::fault);
                if let Some(message) = figure.or_else(ratio) {
                    return Err(fault(message));
                }
            }
        }
        Ok(())
    }

    fn validate_sweep(&self) -> Result<(), parse::Fault> {
        for point in &self.sweep {
            for (name, figures) in [("rust", &point.rust), ("go", &point.go)] {
                let Some(figures) = figures else { continue };
                let all = [figures.p50_us, figures.p99_us, figures.p999_us, figures.cpu_us];
                if let Some(message) = all.iter().find_map(|figure| figure.fault(name)) {
                    let rate = point.rate_rps;
                    return Err(parse::Fault::new(format!("sweep at {rate} rps: {message}")));
                }
            }
        }
        Ok(())
    }

    fn validate_timelines(&self) -> Result<(), parse::Fault> {
        for timeline in &self.timelines {
            let whose = timeline.variant.clone().unwrap_or_else(|| timeline.twin.to_string());
            let fault = |message: &str| {
                Err(parse::Fault::new(format!("the timeline of {whose} {message}")))
            };
            if timeline.p50_us.len() != timeline.max_us.len() {
                return fault("needs as many values in max_us as in p50_us");
            }
            if !(timeline.window_ms.is_finite() && timeline.window_ms > 0.0) {
                return fault("needs a window_ms above 0");
            }
            let collections = timeline
                .collections
                .iter()
                .flat_map(|one| [one.start_ms, one.wall_us, one.pause_us, one.heap_mb]);
            let mut all =
                timeline.p50_us.iter().chain(&timeline.max_us).copied().chain(collections);
            if !all.all(f64::is_finite) {
                return fault("has a value that is not a finite number");
            }
        }
        Ok(())
    }
}
