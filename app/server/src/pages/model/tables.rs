//! A criterion's numbers as tables.

use assay_advice::{Criterion, Grid, GridFactor, GridRow, Model};

/// A table for reading: what the numbers are, the heads of its columns, and its rows.
pub(crate) struct TableView {
    pub(crate) caption: String,
    /// The heads of the columns that say which answers a row is for.
    pub(crate) keys: Vec<String>,
    /// The heads of the columns of numbers.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<RowView>,
}

impl TableView {
    /// The numbers of a table that depends on nothing.
    pub(crate) fn in_a_line(&self) -> String {
        let numbers = self.rows.iter().flat_map(|row| &row.numbers);
        let named = self.columns.iter().zip(numbers).map(|(column, number)| {
            if self.columns.len() > 1 { format!("{column} {number}") } else { number.clone() }
        });
        named.collect::<Vec<_>>().join(", ")
    }
}

pub(crate) struct RowView {
    pub(crate) keys: Vec<String>,
    pub(crate) numbers: Vec<String>,
}

/// The swing points: a number for each combination; the last answer runs along the columns.
pub(super) fn swing_tables(model: &Model, criterion: &Criterion) -> Vec<TableView> {
    let caption = |grid: &Grid| match grid.part {
        "" => "Swing points".to_owned(),
        "cpu" => "Swing points for processor time".to_owned(),
        part => format!("Swing points for {part}"),
    };
    let grids = criterion.swings(model);
    grids.iter().map(|grid| across(grid, caption(grid))).collect()
}

/// What each option offers, a row for each combination; none when that is measured.
pub(super) fn value_table(model: &Model, criterion: &Criterion) -> Option<TableView> {
    let grid = criterion.values(model)?;
    let rows = grid.rows.iter().map(|row| RowView {
        keys: keys(&grid.factors, row),
        numbers: row.numbers.iter().map(|number| decimals(*number)).collect(),
    });
    Some(TableView {
        caption: "What each offers, from 0 to 1".to_owned(),
        keys: grid.factors.iter().map(head).collect(),
        columns: ["Rust", "Go", "Hybrid"].map(str::to_owned).into(),
        rows: rows.collect(),
    })
}

fn across(grid: &Grid, caption: String) -> TableView {
    let number = |row: &GridRow| row.numbers.first().map_or_else(String::new, |n| decimals(*n));
    let Some((last, before)) = grid.factors.split_last() else {
        let numbers = grid.rows.iter().map(number).collect();
        let rows = vec![RowView { keys: Vec::new(), numbers }];
        let columns = vec!["Whatever is answered".to_owned()];
        return TableView { caption, keys: Vec::new(), columns, rows };
    };
    if before.is_empty() {
        let rows = grid.rows.iter();
        let rows =
            rows.map(|row| RowView { keys: keys(&grid.factors, row), numbers: vec![number(row)] });
        let columns = vec!["Points".to_owned()];
        return TableView { caption, keys: vec![head(last)], columns, rows: rows.collect() };
    }
    let rows = grid.rows.chunks(last.states.len().max(1)).map(|rows| RowView {
        keys: rows.first().map(|row| keys(before, row)).unwrap_or_default(),
        numbers: rows.iter().map(number).collect(),
    });
    let column = |state: &String| match &last.holds {
        Some(answer) if state == "yes" => format!("with {answer} in {}", last.question),
        Some(_) => "without".to_owned(),
        None => state.clone(),
    };
    TableView {
        caption: match last.holds {
            Some(_) => caption,
            None => format!("{caption}, by {} along the top", last.question),
        },
        keys: before.iter().map(head).collect(),
        columns: last.states.iter().map(column).collect(),
        rows: rows.collect(),
    }
}

fn head(factor: &GridFactor) -> String {
    match &factor.holds {
        Some(answer) => format!("{answer} in {}", factor.question),
        None => factor.question.clone(),
    }
}

/// The states of a row, for as many factors as are given.
fn keys(factors: &[GridFactor], row: &GridRow) -> Vec<String> {
    let name = |(factor, state): (&GridFactor, &usize)| factor.states.get(*state).cloned();
    factors.iter().zip(&row.states).filter_map(name).collect()
}

/// A number of the model as a person would write it.
pub(super) fn decimals(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
