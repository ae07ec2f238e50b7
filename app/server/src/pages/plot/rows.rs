//! Rows of a plot: a line or two of text, its mark below.

/// A name with more characters would run into the figures behind it on a screen of 375 px; then
/// the figures of the whole plot take a line of their own.
const BESIDE_CHARS_MAX: usize = 24;
/// A longer name would leave such a screen; the plot's table has all of it.
const NAME_CHARS_MAX: usize = 44;

/// Where the parts of each row stand, in px.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The figures stand below the name, not beside it.
    pub(crate) stacked: bool,
    row_px: usize,
}

impl Rows {
    /// Rows that leave room for these names.
    pub(super) fn for_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let stacked = names.into_iter().any(|name| name.chars().count() > BESIDE_CHARS_MAX);
        Self { stacked, row_px: if stacked { 66 } else { 46 } }
    }

    pub(super) fn height(self, rows: usize) -> usize {
        rows * self.row_px
    }

    /// The base line of the name.
    pub(super) fn text_y(self, row: usize) -> usize {
        row * self.row_px + 17
    }

    /// The base line of the figures.
    pub(super) fn figure_y(self, row: usize) -> usize {
        self.text_y(row) + if self.stacked { 19 } else { 0 }
    }

    /// The middle of the mark.
    pub(super) fn mark_y(self, row: usize) -> usize {
        self.figure_y(row) + 15
    }
}

/// A name cut to what fits, between two of its parts or words where it has some.
pub(super) fn fitted(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let kept: String = name.chars().take(NAME_CHARS_MAX - 1).collect();
    let end = kept.rfind(", ").or_else(|| kept.rfind(' ')).unwrap_or(kept.len());
    format!("{}, …", kept.get(..end).unwrap_or(&kept).trim_end_matches(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of a plot is 14 px high; its characters are at most this wide on average.
    const CHAR_PX: usize = 8;
    const NARROW_PX: usize = 375 - 2 * 16;

    #[test]
    fn no_text_of_a_row_meets_another() {
        for name in ["CPU", "GOMEMLIMIT=1GiB: p99.9 latency"] {
            let rows = Rows::for_names([name]);
            for row in 0..3 {
                assert!(
                    rows.figure_y(row) == rows.text_y(row)
                        || rows.figure_y(row) >= rows.text_y(row) + 15
                );
                assert!(rows.mark_y(row) >= rows.figure_y(row) + 12, "the mark is below the text");
                assert!(rows.text_y(row + 1) >= rows.mark_y(row) + 7 + 12, "and above the next");
            }
            assert!(rows.height(3) > rows.mark_y(2) + 6);
        }
        let figures = "0.049 [0.041, 0.094]".len();
        assert!((BESIDE_CHARS_MAX + figures) * CHAR_PX <= NARROW_PX + 2 * CHAR_PX);
        const { assert!(NAME_CHARS_MAX * CHAR_PX <= NARROW_PX + 2 * CHAR_PX) };
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(fitted("CPU"), "CPU");
        let cut = fitted(&"ö".repeat(60));
        assert!(cut.starts_with("öö") && cut.ends_with('…'));
        let label = "Go, own connection loop, codec by hand, GOGC=400";
        assert_eq!(fitted(label), "Go, own connection loop, codec by hand, …");
    }
}
