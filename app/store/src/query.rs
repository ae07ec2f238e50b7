//! Lists and counts from the index.

use assay_records::Standing;
use assay_records::advice::{Choice, Verdict};
use futures_util::TryStreamExt as _;
use sqlx::{QueryBuilder, Row as _, Sqlite, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{Facet, Facets, Filter, Page, Revisited, Summary, index::Index};

/// The most words of a search, and the most teams or tags counted.
const MAX_WORDS: usize = 16;
const MAX_FACETS: u32 = 100;

/// What a list can be narrowed by and counted over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dimension {
    Status,
    Option,
    Team,
    Tag,
}

/// A search as FTS5 understands it.
enum Search {
    All,
    /// Every word quoted, so that nothing in it is an operator; the last may be a beginning.
    Words(String),
    /// Nothing in it is a word, emoji for one: the title must hold it.
    Title(String),
}

impl Search {
    fn of(q: Option<&str>) -> Self {
        let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else {
            return Self::All;
        };
        let words: Vec<String> = q
            .split(|c: char| c.is_whitespace() || c == '\0')
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .take(MAX_WORDS)
            .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
            .collect();
        if words.is_empty() {
            Self::Title(q.to_owned())
        } else {
            Self::Words(words.join(" ") + "*")
        }
    }
}

impl Index {
    pub(crate) async fn list(&self, filter: &Filter) -> Result<Page, sqlx::Error> {
        let search = Search::of(filter.q.as_deref());
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM record");
        narrow(&mut count, filter, &search, None);
        let total: i64 = count.build_query_scalar().fetch_one(&self.pool).await?;
        Ok(Page {
            items: self.items(filter, &search).await?,
            total: u64::try_from(total).unwrap_or_default(),
            facets: Facets {
                statuses: self.facet(filter, &search, Dimension::Status).await?,
                options: self.facet(filter, &search, Dimension::Option).await?,
                teams: self.facet(filter, &search, Dimension::Team).await?,
                tags: self.facet(filter, &search, Dimension::Tag).await?,
            },
        })
    }

    async fn items(&self, filter: &Filter, search: &Search) -> Result<Vec<Summary>, sqlx::Error> {
        let mut query = self.ordered(filter, search);
        let per_page = filter.per_page.clamp(1, Filter::MAX_PER_PAGE);
        let skipped = u64::from(filter.page.saturating_sub(1)) * u64::from(per_page);
        query.push(" LIMIT ").push_bind(per_page);
        query.push(" OFFSET ").push_bind(i64::try_from(skipped).unwrap_or(i64::MAX));
        let rows = query.build().fetch_all(&self.pool).await?;
        rows.iter().map(summary).collect()
    }

    /// Every line that the filter lets through, whatever page it asks for.
    pub(crate) async fn each(
        &self,
        filter: &Filter,
        visit: &mut (dyn FnMut(Summary) + Send),
    ) -> Result<(), sqlx::Error> {
        let mut query = self.ordered(filter, &Search::of(filter.q.as_deref()));
        let mut rows = query.build().fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            visit(summary(&row)?);
        }
        Ok(())
    }

    /// The lines that the filter lets through, in the order in which they are shown.
    fn ordered(&self, filter: &Filter, search: &Search) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT record.* FROM record");
        if let Search::Words(_) = search {
            query.push(" JOIN words ON words.rowid = record.row");
        }
        narrow(&mut query, filter, search, None);
        query.push(" ORDER BY ");
        if let Search::Words(_) = search {
            // A word in the title says more than in a name, and there more than in the text.
            query.push("bm25(words, 10.0, 5.0, 1.0), ");
        }
        if filter.due.is_some() {
            query.push("fired DESC, due_on IS NULL, due_on, ");
        }
        query.push("number DESC, name");
        query
    }

    async fn facet(
        &self,
        filter: &Filter,
        search: &Search,
        dimension: Dimension,
    ) -> Result<Vec<Facet>, sqlx::Error> {
        let mut query = QueryBuilder::new(match dimension {
            Dimension::Status => "SELECT standing AS value, COUNT(*) AS n FROM record",
            Dimension::Option => "SELECT option AS value, COUNT(*) AS n FROM record",
            Dimension::Team => "SELECT team AS value, COUNT(*) AS n FROM record",
            Dimension::Tag => {
                "SELECT tag.tag AS value, COUNT(*) AS n FROM record JOIN tag ON tag.row = record.row"
            }
        });
        narrow(&mut query, filter, search, Some(dimension));
        query.push(" AND value IS NOT NULL GROUP BY value ORDER BY n DESC, value LIMIT ");
        query.push_bind(MAX_FACETS);
        let rows: Vec<(String, i64)> = query.build_query_as().fetch_all(&self.pool).await?;
        let facet =
            |(value, count)| Facet { value, count: u64::try_from(count).unwrap_or_default() };
        Ok(rows.into_iter().map(facet).collect())
    }
}

/// Adds the conditions of a filter, save those on the dimension being counted.
fn narrow(
    query: &mut QueryBuilder<Sqlite>,
    filter: &Filter,
    search: &Search,
    counted: Option<Dimension>,
) {
    query.push(" WHERE 1");
    narrow_by_facts(query, filter);
    match search {
        Search::All => {}
        Search::Words(words) => {
            query.push(" AND record.row IN (SELECT rowid FROM words WHERE words MATCH ");
            query.push_bind(words.clone()).push(")");
        }
        Search::Title(part) => {
            query.push(" AND instr(title, ").push_bind(part.clone()).push(") > 0");
        }
    }
    if let Some(status) = filter.status.filter(|_| counted != Some(Dimension::Status)) {
        query.push(" AND standing = ").push_bind(status.id());
    }
    if let Some(option) = filter.option.filter(|_| counted != Some(Dimension::Option)) {
        query.push(" AND option = ").push_bind(option.id());
    }
    if let Some(team) = filter.team.clone().filter(|_| counted != Some(Dimension::Team)) {
        query.push(" AND COALESCE(team, '') = ").push_bind(team);
    }
    if let Some(tag) = filter.tag.clone().filter(|_| counted != Some(Dimension::Tag)) {
        query.push(" AND record.row IN (SELECT row FROM tag WHERE tag = ").push_bind(tag).push(")");
    }
    if let Some(overridden) = filter.overridden {
        query.push(" AND overridden = ").push_bind(overridden);
    }
    if let Some(today) = filter.due {
        // The same rule as `Summary::is_due`. Dates of one length compare as text.
        query.push(" AND standing IN ('draft', 'proposed', 'accepted') AND (fired OR due_on <= ");
        query.push_bind(today.to_string());
        query.push(") AND record.row NOT IN (SELECT row FROM tag WHERE tag = ");
        query.push_bind(assay_records::EXAMPLE_TAG).push(")");
    }
}

/// The conditions on what is counted besides.
fn narrow_by_facts(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if filter.decided {
        query.push(" AND standing IN ('accepted', 'deprecated', 'superseded')");
    }
    if let Some(from) = filter.from {
        query.push(" AND facts ->> 'day' >= ").push_bind(from.to_string());
    }
    if let Some(to) = filter.to {
        query.push(" AND facts ->> 'day' <= ").push_bind(to.to_string());
    }
    match filter.revisited {
        None => {}
        Some(Revisited::Yes) => {
            query.push(" AND facts ->> 'outcome' IS NOT NULL");
        }
        Some(Revisited::No) => {
            query.push(" AND facts ->> 'outcome' IS NULL");
        }
        Some(Revisited::To(outcome)) => {
            query.push(" AND facts ->> 'outcome' = ").push_bind(outcome.id());
        }
    }
    if let Some(fired) = filter.fired {
        query.push(" AND facts ->> 'ever_fired' = ").push_bind(fired);
    }
    if filter.unknown != 0 {
        let bits = i64::try_from(filter.unknown).unwrap_or(i64::MAX);
        query.push(" AND (facts ->> 'unknown') & ").push_bind(bits).push(" <> 0");
    }
    if let Some(runs) = &filter.runs {
        query.push(" AND EXISTS (SELECT 1 FROM json_each(facts, '$.runs') WHERE value IN (NULL");
        for run in runs {
            query.push(", ").push_bind(run.clone());
        }
        query.push("))");
    }
    if let Some(examples) = filter.examples {
        query.push(if examples { " AND record.row IN" } else { " AND record.row NOT IN" });
        query.push(" (SELECT row FROM tag WHERE tag = ");
        query.push_bind(assay_records::EXAMPLE_TAG).push(")");
    }
}

fn summary(row: &SqliteRow) -> Result<Summary, sqlx::Error> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column);
    let choice = |column: &str| text(column).map(|id| id.and_then(|id| Choice::from_id(&id)));
    let date = |column: &str| text(column).map(|date| date.and_then(|date| date.parse().ok()));
    let verdict = text("verdict")?;
    let tags: String = row.try_get("tags")?;
    let standing: String = row.try_get("standing")?;
    let created: String = row.try_get("created")?;
    Ok(Summary {
        id: Uuid::try_parse(&row.try_get::<String, _>("id")?).map_err(decode)?,
        number: row.try_get("number")?,
        file_name: row.try_get("name")?,
        hash: row.try_get("hash")?,
        title: row.try_get("title")?,
        service: text("service")?,
        team: text("team")?,
        standing: Standing::from_id(&standing).unwrap_or(Standing::Draft),
        option: choice("option")?,
        recommended: choice("recommended")?,
        verdict: [Verdict::Strong, Verdict::Lean, Verdict::TooClose]
            .into_iter()
            .find(|known| verdict.as_deref() == Some(known.id())),
        overridden: row.try_get("overridden")?,
        tags: tags.lines().map(str::to_owned).collect(),
        created: created.parse().map_err(decode)?,
        decided: date("decided")?,
        review_by: date("review_by")?,
        due_on: date("due_on")?,
        fired: row.try_get("fired")?,
        supersedes: serde_json::from_str(&row.try_get::<String, _>("replaces")?).map_err(decode)?,
        facts: serde_json::from_str(&row.try_get::<String, _>("facts")?).map_err(decode)?,
    })
}

fn decode(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
