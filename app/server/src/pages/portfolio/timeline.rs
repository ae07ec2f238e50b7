//! Decisions over time: by month, by quarter or by year, whichever fits.

use std::collections::{BTreeMap, HashMap};

use assay_advice::Choice;
use jiff::{ToSpan as _, civil::Date};

use super::{Count, count};
use crate::listing::Wanted;

/// By the first day of a month and the option: how many decisions were made.
type Months = BTreeMap<Date, HashMap<Option<Choice>, u64>>;

/// The most rows shown.
const ROWS_MAX: usize = 24;

/// The decisions made, the latest row first.
#[derive(Default)]
pub(super) struct Timeline {
    /// `month`, `quarter` or `year`.
    pub(super) by: &'static str,
    pub(super) rows: Vec<Row>,
    /// The decisions older than the last row.
    pub(super) earlier: Count,
    /// Whether any is an imported one about something else.
    pub(super) has_others: bool,
}

/// A month, a quarter or a year.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) options: [Count; 3],
    /// Imported decisions about something else.
    pub(super) other: u64,
    pub(super) bar: Vec<Piece>,
    first: Date,
}

/// A piece of a bar, in percent of the longest.
pub(super) struct Piece {
    pub(super) hue: &'static str,
    pub(super) from: f64,
    pub(super) width: f64,
}

impl Timeline {
    pub(super) fn new(wanted: &Wanted, months: &Months) -> Self {
        let (Some(oldest), Some(latest)) = (months.keys().next(), months.keys().next_back()) else {
            return Self::default();
        };
        let (by, length) = match place(*latest) - place(*oldest) {
            0..24 => ("month", 1),
            24..70 => ("quarter", 3),
            _ => ("year", 12),
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut first = start(*latest, length);
        while rows.len() < ROWS_MAX && first >= start(*oldest, length) {
            let next = first.saturating_add(length.months());
            rows.push(Row::new(wanted, months, first, next, length));
            first = first.saturating_sub(length.months());
        }
        let longest = rows.iter().map(Row::total).max().unwrap_or_default().max(1);
        for row in &mut rows {
            row.draw(longest);
        }
        let shown_from = rows.last().map_or(*oldest, |row| row.first);
        let earlier = months.range(..shown_from);
        let n = earlier.flat_map(|(_, options)| options.values()).sum();
        let before = shown_from.saturating_sub(1.days()).to_string();
        Self {
            by,
            has_others: months.values().any(|options| options.contains_key(&None)),
            earlier: count(wanted, n, &[("decided", "yes"), ("to", &before)]),
            rows,
        }
    }
}

impl Row {
    fn new(wanted: &Wanted, months: &Months, first: Date, next: Date, length: i8) -> Self {
        let within = |option: Option<Choice>| -> u64 {
            months.range(first..next).filter_map(|(_, options)| options.get(&option)).sum()
        };
        let (from, to) = (first.to_string(), next.saturating_sub(1.days()).to_string());
        let of = |option: Choice| {
            let days = [("from", from.as_str()), ("to", to.as_str())];
            let made = [&[("decided", "yes"), ("option", option.id())][..], &days].concat();
            count(wanted, within(Some(option)), &made)
        };
        let label = match length {
            1 => first.strftime("%Y-%m").to_string(),
            3 => format!("{} Q{}", first.year(), (first.month() - 1) / 3 + 1),
            _ => first.year().to_string(),
        };
        Self { label, options: Choice::ALL.map(of), other: within(None), bar: Vec::new(), first }
    }

    fn total(&self) -> u64 {
        self.options.iter().map(|count| count.n).sum::<u64>() + self.other
    }

    #[expect(clippy::cast_precision_loss, reason = "no more records than a float tells apart")]
    fn draw(&mut self, longest: u64) {
        let numbers = Choice::ALL.iter().zip(&self.options).map(|(it, count)| (it.id(), count.n));
        let mut from = 0.0;
        for (hue, n) in numbers.chain([("none", self.other)]).filter(|(_, n)| *n > 0) {
            let width = n as f64 / longest as f64 * 100.0;
            self.bar.push(Piece { hue, from, width });
            from += width;
        }
    }
}

/// Months since the year 0.
fn place(day: Date) -> i32 {
    i32::from(day.year()) * 12 + i32::from(day.month()) - 1
}

/// The first day of the month, the quarter or the year.
fn start(day: Date, length: i8) -> Date {
    let month = (day.month() - 1) / length * length + 1;
    day.with().month(month).day(1).build().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(counts: &[(&str, Option<Choice>, u64)]) -> Months {
        let mut months = Months::new();
        for (day, option, n) in counts {
            months.entry(day.parse().unwrap()).or_default().insert(*option, *n);
        }
        months
    }

    fn labels(days: &[&str]) -> (&'static str, Vec<String>, u64) {
        let counts: Vec<_> = days.iter().map(|day| (*day, Some(Choice::Go), 1)).collect();
        let timeline = Timeline::new(&Wanted::default(), &months(&counts));
        let labels = timeline.rows.iter().map(|row| row.label.clone()).collect();
        (timeline.by, labels, timeline.earlier.n)
    }

    #[test]
    fn rows_are_as_long_as_they_must_be() {
        let (by, rows, earlier) = labels(&["2026-01-01", "2026-03-01"]);
        assert_eq!((by, rows.join(" "), earlier), ("month", "2026-03 2026-02 2026-01".into(), 0));
        let (by, rows, earlier) = labels(&["2024-11-01", "2026-11-01"]);
        assert_eq!((by, rows.len(), earlier), ("quarter", 9, 0));
        assert_eq!((rows[0].as_str(), rows[8].as_str()), ("2026 Q4", "2024 Q4"));
        let (by, rows, earlier) = labels(&["1999-11-01", "2000-01-01", "2026-11-01"]);
        assert_eq!((by, rows.len(), earlier), ("year", 24, 2));
        assert_eq!(rows[23], "2003");
        assert!(Timeline::new(&Wanted::default(), &Months::new()).rows.is_empty());
        labels(&["-009999-01-01", "9999-12-01"]);
    }

    #[test]
    fn a_bar_is_as_wide_as_its_numbers() {
        let timeline = Timeline::new(
            &Wanted::default(),
            &months(&[
                ("2026-01-01", Some(Choice::Rust), 3),
                ("2026-01-01", None, 1),
                ("2026-02-01", Some(Choice::Go), 2),
            ]),
        );
        let widths: Vec<Vec<(&str, f64, f64)>> = timeline
            .rows
            .iter()
            .map(|row| row.bar.iter().map(|it| (it.hue, it.from, it.width)).collect())
            .collect();
        assert_eq!(
            widths,
            [vec![("go", 0.0, 50.0)], vec![("rust", 0.0, 75.0), ("none", 75.0, 25.0)]]
        );
        let query = &timeline.rows[1].options[0].query;
        assert_eq!(query, "option=rust&from=2026-01-01&to=2026-01-31&decided=yes");
    }
}
