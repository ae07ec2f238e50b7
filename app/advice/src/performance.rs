//! What the measurements mean for the stated needs: numbers for tables and a sentence.

use crate::{
    ByOption, Need, Performance,
    measure::{Headroom, Held, LEAST_LOG2, headroom, hold},
    situation::Situation,
    value::Ground,
    wording::{counted, join, short},
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
    let cell = ground.cell_for(situation);
    let Some(measured) = cell.and_then(|cell| ground.measurements.workloads.get(cell)) else {
        let summary = match workload {
            None => "Say which reference service it resembles: until then a measurement counts only as far as it may apply.".to_owned(),
            Some(state) => {
                let question = known.workload.and_then(|at| ground.model.questions().get(at));
                let answer = question.and_then(|it| it.answers().get(usize::from(state)));
                ground.measurements.nothing_for(answer.map(|answer| answer.value.as_str()))
            }
        };
        let performance = Performance { summary, ..Performance::default() };
        return Assessment {
            performance,
            notice: Some("not_measured"),
            cell: None,
            headroom: None,
        };
    };
    let band = situation.state(known.tail_latency);
    let mut held = Vec::new();
    let hybrid = ground.hybrid(situation);
    hold(measured, &needs, band, hybrid, &mut |need| held.push(need));
    let least = headroom(measured, &needs, band, hybrid);
    let unchecked = needs.unchecked_peak().map_or_else(String::new, |peak| {
        format!(
            "The peak of {} is not checked until you say how many cores it may use.",
            counted(peak.value, "requests/s")
        )
    });
    let (summary, notice) = match least {
        None if unchecked.is_empty() => {
            ("No need is stated, so performance does not decide.".to_owned(), None)
        }
        None => (unchecked, None),
        Some(least) => {
            let (text, notice) = sentence(&least, &held, needs.work_is_known());
            (format!("{text} {unchecked}").trim_end().to_owned(), notice)
        }
    };
    let note = match measured.note.trim_end_matches('.') {
        "" => String::new(),
        note => format!(": {note}"),
    };
    let (service, scenario, run) = (&measured.service, &measured.scenario, &measured.run);
    let noise = noise(&held);
    let ruled_out = ground.certainly_out(situation, &needs) >> 2 & 1 == 1;
    let two = least.filter(|_| hybrid.two.is_some() && !ruled_out);
    let two = two.map(|least| two_services(&least, &held)).unwrap_or_default();
    let source = format!("{noise} Measured with {service} ({scenario}, {run}){note}.");
    let performance = Performance {
        needs: held.iter().map(need).collect(),
        headroom: least
            .map_or_else(ByOption::default, |least| by_option(least.log2.map(libm::exp2))),
        work_factor: needs.work_factor(measured),
        summary: format!("{summary}{two}{source}"),
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
    // What counts says whether a need is met; each twin is told with its own figure.
    let [rust, go, _] = least.log2;
    let needs: Vec<String> = held.iter().map(words).collect();
    let need = format!("the stated need ({})", join(&needs));
    let ((own_rust, on_rust), (own_go, on_go)) = (binding(held, 0), binding(held, 1));
    let both = format!("{}{on_rust} and {}{on_go}", offers("Rust", own_rust), offers("Go", own_go));
    let (text, notice) = if rust.min(go) >= 1.0 {
        let (rust, go) = (times(own_rust), times(own_go));
        (
            format!(
                "Both meet {need}, Rust with {rust}\u{d7}{on_rust} and Go with {go}\u{d7} headroom{on_go}: performance does not decide."
            ),
            "both_meet",
        )
    } else if rust < 0.0 && go < 0.0 {
        (format!("Neither twin meets {need}; measure your own: {both}."), "neither_meets")
    } else if rust < 0.0 || go < 0.0 {
        let (met, missed) = if go < 0.0 { ("Rust", "Go") } else { ("Go", "Rust") };
        (format!("{met} meets {need}, {missed} does not: {both}."), "headroom")
    } else {
        let tight = match (rust < 1.0, go < 1.0) {
            (true, true) => "neither with twice what is needed",
            (true, false) => "Rust with less than twice what is needed",
            _ => "Go with less than twice what is needed",
        };
        (format!("Both meet {need}, but {tight}: {both}."), "headroom")
    };
    match (work_is_known, notice) {
        (true, "headroom") => (text, None),
        (true, _) => (text, Some(notice)),
        (false, _) => (
            format!(
                "{text} This is an upper bound: it holds if a request does no more work than the reference service's."
            ),
            Some(if notice == "headroom" { "upper_bound" } else { notice }),
        ),
    }
}

/// Says where the hybrid falls short of twice what is needed.
fn two_services(least: &Headroom, held: &[Held]) -> String {
    let [.., hybrid] = least.log2;
    if hybrid >= 1.0 {
        return String::new();
    }
    let (own, on) = binding(held, 2);
    format!(" {}{on}.", offers("The hybrid as two services", own))
}

/// Says of which needs the twins count as alike, and with what headroom.
fn noise(held: &[Held]) -> String {
    let alike = held.iter().filter(|held| held.alike);
    let counted = alike.map(|held| {
        let [log2, ..] = held.log2;
        format!("{}\u{d7} on {}", times(log2), name(held.id))
    });
    let counted: Vec<String> = counted.collect();
    if counted.is_empty() {
        return String::new();
    }
    format!(
        " The comparison takes both at the geometric mean of their figures where the twins' \
         difference may be noise: {}.",
        join(&counted)
    )
}

/// A headroom as a factor.
fn times(log2: f64) -> String {
    short(libm::exp2(log2))
}

/// A need in a sentence.
fn name(id: &'static str) -> &'static str {
    match id {
        "p99_ms" => "p99",
        "p999_ms" => "p99.9",
        "memory_mb" => "memory",
        other => other,
    }
}

/// A twin's own least headroom, and the need that it is least on where there are several: " on
/// throughput".
fn binding(held: &[Held], twin: usize) -> (f64, String) {
    let of = |held: &Held| held.own_log2.get(twin).copied().unwrap_or(f64::INFINITY);
    let least = held.iter().min_by(|a, b| of(a).total_cmp(&of(b)));
    let on = least.filter(|_| held.len() > 1);
    (
        least.map_or(f64::INFINITY, of),
        on.map_or_else(String::new, |need| format!(" on {}", name(need.id))),
    )
}

/// "Rust has 1.6× what is needed".
fn offers(twin: &str, log2: f64) -> String {
    if log2 <= LEAST_LOG2 {
        return format!("{twin} is overloaded");
    }
    format!("{twin} has {}\u{d7} what is needed", times(log2))
}

/// "p99 within 50 ms".
fn words(held: &Held) -> String {
    let need = counted(held.need, held.unit);
    match held.id {
        "throughput" => need,
        "p99_ms" => format!("p99 within {need}"),
        "p999_ms" => format!("p99.9 within {need}"),
        _ => format!("at most {need} of memory"),
    }
}
