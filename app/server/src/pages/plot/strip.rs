//! How much of each gate's allowance the worst load used.

use super::axis::tenths;

/// A gate to be drawn.
pub(crate) struct StripInput {
    pub(crate) name: String,
    /// The worst value as a share of what is allowed: above 1 a load failed.
    pub(crate) used: f64,
    /// In words.
    pub(crate) text: String,
    pub(crate) failed: bool,
}

/// The plot. Positions across are percentages, those down are px; the allowance ends in the middle.
pub(crate) struct Strip {
    pub(crate) rows: Vec<Row>,
    pub(crate) height: usize,
}

/// A gate as it is drawn.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) failed: bool,
    pub(crate) x: f64,
    /// It is further out than the drawing goes.
    pub(crate) beyond: bool,
    pub(crate) text_y: usize,
    pub(crate) mark_y: usize,
    pub(crate) top_y: usize,
}

/// Where the allowance ends, in percent.
const LIMIT_X: f64 = 50.0;
const ROW_PX: usize = 46;

/// Lays out the gates.
pub(crate) fn strip(gates: Vec<StripInput>) -> Strip {
    let height = gates.len() * ROW_PX;
    let row = |(at, gate): (usize, StripInput)| Row {
        x: tenths((gate.used * LIMIT_X).clamp(0.0, 100.0)),
        beyond: gate.used * LIMIT_X > 100.0,
        name: gate.name,
        text: gate.text,
        failed: gate.failed,
        text_y: at * ROW_PX + 17,
        mark_y: at * ROW_PX + 32,
        top_y: at * ROW_PX + 25,
    };
    Strip { rows: gates.into_iter().enumerate().map(row).collect(), height }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_stands_right_of_the_limit() {
        let gate = |used: f64| StripInput {
            name: "lag".into(),
            used,
            text: String::new(),
            failed: used > 1.0,
        };
        let strip = strip(vec![gate(0.0), gate(0.5), gate(1.0), gate(1.5), gate(12.0)]);
        let at: Vec<_> = strip.rows.iter().map(|row| row.x).collect();
        assert_eq!(at, [0.0, 25.0, 50.0, 75.0, 100.0]);
        let beyond: Vec<_> = strip.rows.iter().map(|row| row.beyond).collect();
        assert_eq!(beyond, [false, false, false, false, true]);
    }
}
