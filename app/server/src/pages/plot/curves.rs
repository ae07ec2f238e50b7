//! Latency against throughput: small multiples, one a percentile, on common axes.

use assay_advice::Choice;

use super::{
    axis::{Axis, LogAxis, Tick, tenths},
    figure::{duration_us, short, significant},
};

/// One percentile of all twins.
pub(crate) struct PanelInput {
    /// Such as "p99".
    pub(crate) title: &'static str,
    /// One line a twin.
    pub(crate) lines: Vec<Line>,
    /// The latency in µs that is allowed, if this percentile has a limit.
    pub(crate) limit_us: Option<f64>,
}

/// One twin's latencies at rising rates.
pub(crate) struct Line {
    pub(crate) option: Choice,
    pub(crate) readings: Vec<Reading>,
    /// The interval of the ratio between two runs of the same binary, where that was measured.
    pub(crate) noise: Option<(f64, f64)>,
}

/// A latency in µs at a rate, with its interval.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) rate_rps: f64,
    pub(crate) us: f64,
    pub(crate) low_us: f64,
    pub(crate) high_us: f64,
    /// The load failed a gate: shown hollow, left out of the line.
    pub(crate) void: bool,
    /// How many blocks count where it is only some, in words; else empty.
    pub(crate) some: String,
}

/// A panel as it is drawn. Positions are percentages, `y` from the top.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) x_ticks: Vec<Tick>,
    pub(crate) y_ticks: Vec<Tick>,
    pub(crate) series: Vec<Series>,
    /// Where the limit stands, and what it is.
    pub(crate) limit: Option<(f64, String)>,
    /// Where the half load stands.
    pub(crate) half_x: Option<f64>,
}

/// A twin's line.
pub(crate) struct Series {
    pub(crate) option: Choice,
    /// `x,y` pairs in a square of 1000 units, of the readings that count.
    pub(crate) line: String,
    /// The noise band as a polygon in the same square; empty without one.
    pub(crate) band: String,
    pub(crate) marks: Vec<Mark>,
}

/// A reading as it is drawn.
pub(crate) struct Mark {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// The ends of its interval.
    pub(crate) low_y: f64,
    pub(crate) high_y: f64,
    pub(crate) void: bool,
    pub(crate) label: String,
}

/// Marks on the latency axis keep this much of its height, in percent.
const Y_GAP: f64 = 9.0;

/// Lays out the panels; nothing where there is no reading above zero.
pub(crate) fn panels(inputs: &[PanelInput], half_rps: Option<f64>) -> Vec<Panel> {
    let readings = || inputs.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.readings);
    let values = readings().flat_map(|r| [r.us, r.low_us, r.high_us]);
    let limits = inputs.iter().filter_map(|panel| panel.limit_us);
    let (Some(x), Some(y)) =
        (Axis::over(readings().map(|r| r.rate_rps)), LogAxis::over(values.chain(limits)))
    else {
        return Vec::new();
    };
    if readings().all(|reading| reading.us <= 0.0) {
        return Vec::new();
    }
    let down = |value: f64| tenths(100.0 - y.at(value));
    let panel = |input: &PanelInput| Panel {
        title: input.title,
        x_ticks: x.ticks(3, short),
        y_ticks: y
            .ticks(Y_GAP, duration_us)
            .into_iter()
            .map(|tick| Tick { at: tenths(100.0 - tick.at), ..tick })
            .collect(),
        series: input.lines.iter().map(|line| series(line, x, down)).collect(),
        limit: input.limit_us.map(|us| (down(us), format!("limit {}", duration_us(us)))),
        half_x: half_rps.map(|rate| x.at(rate)),
    };
    inputs.iter().map(panel).collect()
}

fn series(line: &Line, x: Axis, down: impl Fn(f64) -> f64) -> Series {
    let drawn: Vec<&Reading> = line.readings.iter().filter(|reading| reading.us > 0.0).collect();
    let counting = || drawn.iter().filter(|reading| !reading.void);
    let corner = |reading: &Reading, us: f64| {
        format!("{:.0},{:.0}", x.at(reading.rate_rps) * 10.0, down(us) * 10.0)
    };
    let path = |factor: f64| counting().map(move |r| (*r, r.us * factor));
    let band = line.noise.map_or_else(String::new, |(low, high)| {
        let there = path(high).map(|(r, us)| corner(r, us));
        let back = path(low).map(|(r, us)| corner(r, us)).collect::<Vec<_>>().into_iter().rev();
        there.chain(back).collect::<Vec<_>>().join(" ")
    });
    let mark = |reading: &&Reading| Mark {
        x: x.at(reading.rate_rps),
        y: down(reading.us),
        low_y: down(reading.low_us),
        high_y: down(reading.high_us),
        void: reading.void,
        label: format!(
            "{}: {} at {}/s{}",
            line.option,
            duration_us(reading.us),
            significant(reading.rate_rps),
            match reading.some.as_str() {
                _ if reading.void => ", void".to_owned(),
                "" => String::new(),
                some => format!(", {some}"),
            }
        ),
    };
    Series {
        option: line.option,
        line: path(1.0).map(|(r, us)| corner(r, us)).collect::<Vec<_>>().join(" "),
        band,
        marks: drawn.iter().map(mark).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(rate_rps: f64, us: f64, void: bool) -> Reading {
        let some = if rate_rps == 200.0 { "7 of 10 blocks" } else { "" };
        Reading { rate_rps, us, low_us: us * 0.9, high_us: us * 1.2, void, some: some.into() }
    }

    fn input(readings: Vec<Reading>, noise: Option<(f64, f64)>) -> [PanelInput; 1] {
        let line = Line { option: Choice::Go, readings, noise };
        [PanelInput { title: "p99", lines: vec![line], limit_us: Some(10_000.0) }]
    }

    #[test]
    fn a_void_reading_is_shown_and_left_out_of_the_line() {
        let readings = vec![
            reading(100.0, 50.0, false),
            reading(200.0, 900.0, false),
            reading(300.0, 20_000.0, true),
        ];
        let panels = panels(&input(readings, Some((0.8, 1.25))), Some(150.0));
        let series = &panels[0].series[0];
        assert_eq!(series.line.split(' ').count(), 2);
        assert_eq!(series.band.split(' ').count(), 4, "there above and back below");
        let marks: Vec<_> = series.marks.iter().map(|mark| mark.void).collect();
        assert_eq!(marks, [false, false, true]);
        assert!(series.marks[2].label.ends_with("void"));
        assert!(series.marks[1].label.ends_with(", 7 of 10 blocks"));
        assert!(series.marks.windows(2).all(|m| m[0].x < m[1].x && m[0].y > m[1].y));
        for mark in &series.marks {
            assert!(mark.high_y < mark.y && mark.y < mark.low_y);
        }
        let (limit, label) = panels[0].limit.as_ref().expect("a limit");
        assert!(*limit > series.marks[2].y && *limit < series.marks[1].y);
        assert_eq!(label, "limit 10 ms");
        let half = panels[0].half_x.expect("a half load");
        assert!(half > series.marks[0].x && half < series.marks[1].x);
    }

    #[test]
    fn one_point_only_voids_and_nothing_at_all() {
        let one = panels(&input(vec![reading(100.0, 50.0, false)], None), None);
        assert_eq!(one[0].series[0].marks.len(), 1);
        assert!(one[0].series[0].band.is_empty());
        let voids =
            panels(&input(vec![reading(1.0, 5.0, true), reading(2.0, 5.0, true)], None), None);
        assert!(voids[0].series[0].line.is_empty());
        assert_eq!(voids[0].series[0].marks.len(), 2);
        assert!(panels(&input(Vec::new(), None), None).is_empty());
        assert!(panels(&input(vec![reading(0.0, 0.0, false)], None), None).is_empty());
        assert!(panels(&[], None).is_empty());
    }
}
