//! `assay list` and `assay search TEXT`.

use std::{
    io::{BufWriter, Write},
    sync::Arc,
};

use clap::Args;

use super::{Context, Failure, report::visible, write_json};
use crate::{api::List, error::Error, listing::Wanted};

#[derive(Args, Debug)]
pub(super) struct ListArguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Every record, not a page of them
    #[arg(long, conflicts_with_all = ["page", "per_page"])]
    all: bool,
    /// Print the page with its counts as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(super) struct SearchArguments {
    /// Words that must all occur; the last may be the beginning of a word
    #[arg(required = true)]
    text: Vec<String>,
    #[command(flatten)]
    list: ListArguments,
}

pub(super) async fn run(
    context: &Context,
    arguments: &ListArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    show(context, &arguments.wanted, arguments, out).await
}

pub(super) async fn search(
    context: &Context,
    arguments: &SearchArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let wanted = Wanted { q: arguments.text.join(" "), ..arguments.list.wanted.clone() };
    show(context, &wanted, &arguments.list, out).await
}

async fn show(
    context: &Context,
    wanted: &Wanted,
    ListArguments { all, json, .. }: &ListArguments,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let today = context.today();
    let filter = wanted.filter(today).map_err(|error| Failure::CannotRun(faults(&error)))?;
    let model = Arc::new(context.model()?);
    let store = context.store(model).await?;
    for file in store.bad_files().await? {
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(
            std::io::stderr(),
            "warning: {} needs mending; `assay check` says why",
            visible(&file.file_name)
        );
    }
    let mut page = store.list(&filter).await?;
    let mut per_page = filter.per_page;
    if *all {
        page.items.clear();
        store.each(&filter, &mut |line| page.items.push(Arc::clone(line))).await?;
        per_page = u32::try_from(page.total).unwrap_or(u32::MAX);
    }
    if *json {
        return write_json(out, &List::new(page, filter.page, per_page, today));
    }
    if page.items.is_empty() {
        let _ = writeln!(
            std::io::stderr(),
            "no record {}",
            if page.total == 0 { "matches" } else { "is on this page" }
        );
    }
    let mut out = BufWriter::new(out);
    for item in &page.items {
        let option = item.option.map_or("-", |option| option.id());
        let due = if item.is_due(today) { "  (due for review)" } else { "" };
        writeln!(
            out,
            "{:04}  {:<10}  {:<6}  {}  {}{due}",
            item.number,
            item.standing.id(),
            option,
            item.id,
            visible(&item.title),
        )?;
    }
    out.flush()?;
    if u64::from(filter.page) * u64::from(per_page) < page.total {
        let _ = writeln!(
            std::io::stderr(),
            "{} records in all; --page {} shows more, --all every one",
            page.total,
            filter.page + 1
        );
    }
    Ok(())
}

/// The faults of an error, one a line.
fn faults(error: &Error) -> String {
    match error {
        Error::Invalid { message, errors } => {
            let mut text = message.clone();
            for fault in errors {
                text.push_str(&format!("\n  --{}: {} ", fault.field, fault.message));
                if !fault.allowed.is_empty() {
                    text.push_str(&format!("(allowed: {})", fault.allowed));
                }
            }
            text
        }
        other => other.to_string(),
    }
}
