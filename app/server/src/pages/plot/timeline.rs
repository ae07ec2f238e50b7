//! Latency over time in one load, and where garbage collections fell.

use assay_advice::Choice;

use super::{
    axis::{Axis, LogAxis, Tick, tenths},
    figure::{duration_us, significant},
};

/// A load to be drawn.
pub(crate) struct TimelineInput {
    pub(crate) title: String,
    pub(crate) option: Choice,
    pub(crate) window_ms: f64,
    /// Median and greatest latency in µs of each window; nothing above zero where no answer came.
    pub(crate) p50_us: Vec<f64>,
    pub(crate) max_us: Vec<f64>,
    pub(crate) collections: Vec<Collection>,
}

/// A garbage collection.
#[derive(Clone, Copy)]
pub(crate) struct Collection {
    pub(crate) start_ms: f64,
    pub(crate) wall_ms: f64,
}

/// A load as it is drawn. Positions are percentages, `y` from the top.
pub(crate) struct Timeline {
    pub(crate) title: String,
    pub(crate) option: Choice,
    /// `x,y` pairs in a square of 1000 units, a line for each stretch with answers.
    pub(crate) p50: Vec<String>,
    pub(crate) max: Vec<String>,
    /// Left end and length of each collection.
    pub(crate) collections: Vec<(f64, f64)>,
    pub(crate) x_ticks: Vec<Tick>,
    pub(crate) y_ticks: Vec<Tick>,
}

/// Marks on the latency axis keep this much of its height, in percent.
const Y_GAP: f64 = 16.0;

/// Lays out the loads on common axes; nothing where no window has an answer.
pub(crate) fn timelines(inputs: Vec<TimelineInput>) -> Vec<Timeline> {
    let length_ms =
        |input: &TimelineInput| input.window_ms * input.p50_us.len().max(input.max_us.len()) as f64;
    let values = inputs.iter().flat_map(|input| input.p50_us.iter().chain(&input.max_us)).copied();
    let (Some(x), Some(y)) = (Axis::over(inputs.iter().map(length_ms)), LogAxis::over(values))
    else {
        return Vec::new();
    };
    let timeline = |input: TimelineInput| {
        let stretches = |values: &[f64]| stretches(values, input.window_ms, x, y);
        Timeline {
            p50: stretches(&input.p50_us),
            max: stretches(&input.max_us),
            collections: input
                .collections
                .iter()
                .map(|it| {
                    let left = x.at(it.start_ms);
                    (left, tenths(x.at(it.start_ms + it.wall_ms) - left))
                })
                .collect(),
            x_ticks: x.ticks(3, |ms| format!("{} s", significant(ms / 1e3))),
            y_ticks: y
                .ticks(Y_GAP, duration_us)
                .into_iter()
                .map(|tick| Tick { at: tenths(100.0 - tick.at), ..tick })
                .collect(),
            title: input.title,
            option: input.option,
        }
    };
    inputs.into_iter().map(timeline).collect()
}

/// The windows with answers as lines, broken where none came.
fn stretches(values: &[f64], window_ms: f64, x: Axis, y: LogAxis) -> Vec<String> {
    let corner = |(at, us): (usize, &f64)| {
        let middle = (at as f64 + 0.5) * window_ms;
        (*us > 0.0).then(|| format!("{:.1},{:.0}", x.at(middle) * 10.0, (100.0 - y.at(*us)) * 10.0))
    };
    let corners: Vec<Option<String>> = values.iter().enumerate().map(corner).collect();
    corners
        .split(Option::is_none)
        .filter(|stretch| !stretch.is_empty())
        .map(|stretch| stretch.iter().flatten().cloned().collect::<Vec<_>>().join(" "))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(p50_us: &[f64], max_us: &[f64]) -> TimelineInput {
        TimelineInput {
            title: "Go".into(),
            option: Choice::Go,
            window_ms: 20.0,
            p50_us: p50_us.to_vec(),
            max_us: max_us.to_vec(),
            collections: vec![Collection { start_ms: 20.0, wall_ms: 10.0 }],
        }
    }

    #[test]
    fn a_window_without_answers_breaks_the_line() {
        let plots =
            timelines(vec![input(&[100.0, 0.0, 100.0, 200.0], &[500.0, 0.0, 9_000.0, 300.0])]);
        assert_eq!(plots[0].p50.len(), 2);
        assert_eq!(plots[0].max[1].split(' ').count(), 2);
        let (left, length) = plots[0].collections[0];
        assert!(left > 20.0 && left + length < 50.0, "in the second of four windows: {left}");
        let slower_stands_higher = |line: &str| {
            let y: Vec<f64> = line
                .split(' ')
                .map(|p| p.split_once(',').expect("a pair").1.parse().expect("y"))
                .collect();
            y[0] < y[1]
        };
        assert!(slower_stands_higher(&plots[0].max[1]));
    }

    #[test]
    fn loads_share_their_axes_and_nothing_is_no_plot() {
        let plots = timelines(vec![input(&[100.0], &[500.0]), input(&[1e5; 9], &[1e6; 9])]);
        assert_eq!(plots[0].y_ticks, plots[1].y_ticks);
        assert_eq!(plots[0].x_ticks, plots[1].x_ticks);
        assert!(timelines(Vec::new()).is_empty());
        assert!(timelines(vec![input(&[], &[])]).is_empty());
        assert!(timelines(vec![input(&[0.0], &[0.0])]).is_empty());
    }
}
