//! The contributions of an advice's criteria, as bars to either side of a middle.

use assay_advice::{Choice, Reason};

use super::axis::tenths;

/// A contribution as a bar that leaves the middle to the side it speaks for.
pub(crate) struct Bar {
    /// The criterion's name.
    pub(crate) name: String,
    /// The option the bar speaks for; neither when it is nothing.
    pub(crate) favours: Option<Choice>,
    /// In hundredths of value, signed, for example "+4.2".
    pub(crate) points: String,
    /// The reason in a sentence.
    pub(crate) text: String,
    /// The run a measured figure rests on.
    pub(crate) run: Option<String>,
    /// Left end and length of the bar, in percent of the width.
    pub(crate) x: f64,
    pub(crate) width: f64,
    /// Where its text and its bar stand, in px.
    pub(crate) text_y: usize,
    pub(crate) bar_y: usize,
}

/// A row of the chart is this high, in px: a line of text and a bar.
const ROW_PX: usize = 44;
/// A contribution below this is drawn as nothing.
const CONTRIBUTION_MIN: f64 = 0.0005;

/// The contributions as bars, and the height of their chart in px; `a` against `b`.
pub(crate) fn bars(
    reasons: &[Reason],
    (a, b): (Choice, Choice),
    name: impl Fn(&str) -> String,
) -> (Vec<Bar>, usize) {
    let greatest = reasons.iter().map(|reason| reason.contribution.abs()).fold(0.0, f64::max);
    let bars: Vec<_> = reasons
        .iter()
        .enumerate()
        .map(|(row, reason)| {
            let share = if greatest > 0.0 { reason.contribution / greatest * 50.0 } else { 0.0 };
            let favours = match reason.contribution {
                c if c >= CONTRIBUTION_MIN => Some(a),
                c if c <= -CONTRIBUTION_MIN => Some(b),
                _ => None,
            };
            Bar {
                name: name(&reason.criterion),
                favours,
                points: match favours {
                    Some(_) => format!("{:+.1}", reason.contribution * 100.0).replace('-', "−"),
                    None => "0".to_owned(),
                },
                text: reason.text.clone(),
                run: reason.evidence.clone(),
                // The first option's bars go left, towards its word in the heading.
                x: tenths(50.0 - share.max(0.0)),
                width: tenths(share.abs()),
                text_y: row * ROW_PX + 16,
                bar_y: row * ROW_PX + 24,
            }
        })
        .collect();
    let shown = bars.iter().filter(|bar| bar.favours.is_some()).count();
    (bars, shown * ROW_PX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_leave_the_middle_to_the_side_they_speak_for() {
        let reason = |contribution| Reason {
            criterion: "c".into(),
            contribution,
            text: String::new(),
            evidence: None,
        };
        let reasons = [reason(0.2), reason(-0.1), reason(0.0)];
        let (bars, height) = bars(&reasons, (Choice::Rust, Choice::Go), str::to_owned);
        assert_eq!(height, 2 * ROW_PX);
        assert_eq!((bars[0].x, bars[0].width), (0.0, 50.0));
        assert_eq!((bars[1].x, bars[1].width), (50.0, 25.0));
        assert_eq!(bars[1].points, "−10.0");
        assert!(bars[2].favours.is_none());
    }
}
