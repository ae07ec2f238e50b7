//! What the measurements mean for the stated needs: numbers for tables and a sentence.

use crate::{
    ByOption, Need, Performance,
    measure::{Headroom, Held, headroom, hold},
    situation::Situation,
    value::Ground,
    wording::{join, short},
};

/// What was found, and the notice it calls for.
pub(crate) struct Assessment {
    pub(crate) performance: Performance,
    pub(crate) notice: Option<&'static str>,
    /// The measurement's index.
    pub(crate) cell: Option<usize>,
    pub(crate) headroom: Option<Headroom>,
}

/// Holds the needs against the scenario that stands for the service.
pub(crate) fn assess(ground: &Ground, situation: &Situation) -> Assessment {
    let known = &ground.known;
    let needs = ground.needs(situation);
    let workload = situation.state(known.workload);
    let cell = ground.cell(workload, situation.state(known.resident_state), false);
    let Some(measured) = cell.and_then(|cell| ground.measurements.workloads.get(cell)) else {
        let summary = match workload {
            None => {
                "Say which reference service it resembles: until then a measurement counts only as far as it may apply."
            }
            Some(_) => "Nothing has been measured for a service like this yet.",
        };
        let performance = Performance { summary: summary.to_owned(), ..Performance::default() };
        return Assessment {
            performance,
            notice: Some("not_measured"),
            cell: None,
            headroom: None,
        };
    };
    let band = situation.state(known.tail_latency);
    let mut held = Vec::new();
    hold(measured, &needs, band, ground.model.hybrid, &mut |need| held.push(need));
    let least = headroom(measured, &needs, band, ground.model.hybrid);
    let (summary, notice) = least.map_or_else(
        || ("No need is stated, so performance does not decide.".to_owned(), None),
        |least| sentence(&least, &held, needs.work_is_known()),
    );
    let source =
        format!(" Measured with {} ({}, {}).", measured.service, measured.scenario, measured.run);
    let performance = Performance {
        needs: held.iter().map(need).collect(),
        headroom: least
            .map_or_else(ByOption::default, |least| by_option(least.log2.map(libm::exp2))),
        work_factor: needs.work_factor(measured),
        summary: format!("{summary}{source} {}", measured.note).trim_end().to_owned(),
    };
    Assessment { performance, notice, cell, headroom: least }
}

fn by_option([rust, go, hybrid]: [f64; 3]) -> ByOption<Option<f64>> {
    let finite = |number: f64| number.is_finite().then_some(number);
    ByOption { rust: finite(rust), go: finite(go), hybrid: finite(hybrid) }
}

fn need(held: &Held) -> Need {
    Need {
        id: held.id.to_owned(),
        need: held.need,
        unit: held.unit.to_owned(),
        must: held.must,
        measured: by_option(held.measured),
    }
}

fn sentence(
    least: &Headroom,
    held: &[Held],
    work_is_known: bool,
) -> (String, Option<&'static str>) {
    let [rust, go, _] = least.log2;
    let times = |log2: f64| format!("{}×", short(libm::exp2(log2)));
    let names: Vec<String> = held.iter().map(|need| words(need).to_owned()).collect();
    let names = join(&names);
    let bound = "an upper bound: if you do no more work per request than the reference service";
    let (text, notice) = if rust.min(go) >= 1.0 {
        let least = times(rust.min(go));
        (
            format!(
                "Rust and Go both meet it with {least} headroom or more ({names}): performance does not decide"
            ),
            "both_meet",
        )
    } else if rust < 0.0 && go < 0.0 {
        let (rust, go) = (times(rust), times(go));
        (
            format!(
                "Neither twin meets it; measure your own (Rust offers {rust}, Go {go} of what is needed: {names})"
            ),
            "neither_meets",
        )
    } else {
        let (rust, go) = (times(rust), times(go));
        (format!("Rust offers {rust}, Go {go} of what is needed ({names})"), "headroom")
    };
    if work_is_known {
        (format!("{text}."), (notice != "headroom").then_some(notice))
    } else {
        (
            format!("{text}. This is {bound}."),
            Some(if notice == "headroom" { "upper_bound" } else { notice }),
        )
    }
}

fn words(held: &Held) -> &'static str {
    match held.id {
        "throughput" => "requests per second",
        "p99_ms" => "p99",
        "p999_ms" => "p99.9",
        _ => "memory",
    }
}
