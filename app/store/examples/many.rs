//! Writes a folder of many valid records, the same ones for the same seed:
//! `cargo run --release -p assay-store --example many -- COUNT DIR [SEED]`.
//!
//! Half are as assay records them, with answers, advice and triggers (about 9 KB); half were imported
//! from MADR files of one to two KB. Teams, tags and words are as unevenly common as people's are.

use std::{env, error::Error, fs, path::Path};

use assay_records::{
    Dialect, Draft, Original, Rationale, Status,
    advice::{Answers, Choice, Engine, Measurements, Model, QuestionKind, SEED, Score, presets},
    draft_from, file_name,
};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use rand::{RngExt as _, SeedableRng as _, rngs::ChaCha8Rng, seq::IndexedRandom as _};
use uuid::Uuid;

/// Sheets that are scored; the records share them.
const SHEETS: usize = 200;
const TEAMS: u16 = 150;
const TAGS: u16 = 80;
const SERVICES: u16 = 4000;
const WORDS: u16 = 20_000;
const SYLLABLES: [&str; 32] = [
    "ac", "al", "be", "ca", "co", "da", "de", "er", "fi", "ga", "in", "la", "li", "lo", "ma", "me",
    "mi", "no", "or", "pa", "qui", "ra", "re", "ri", "sa", "se", "sta", "ta", "te", "ti", "to",
    "ve",
];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let usage = "many COUNT DIR [SEED]";
    let count: u32 = arguments.next().ok_or(usage)?.parse()?;
    let folder = arguments.next().ok_or(usage)?;
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut people = People::new(seed);
    let mut bytes = 0;
    for number in 1..=count {
        let (title, text) = people.record(number)?;
        bytes += text.len();
        fs::write(folder.join(file_name(number, &title)), text)?;
    }
    println!("{count} records, {bytes} bytes");
    Ok(())
}

/// Those who write the records.
struct People {
    rng: ChaCha8Rng,
    words: Vec<String>,
    sheets: Vec<(Answers, Score)>,
    begun: Timestamp,
}

impl People {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let word = |rng: &mut ChaCha8Rng| -> String {
            let length = rng.random_range(2..=4);
            (0..length).filter_map(|_| SYLLABLES.choose(rng)).copied().collect()
        };
        let words = (0..WORDS).map(|_| word(&mut rng)).collect();
        let model = Model::builtin();
        let engine = Engine::new(model.clone(), Measurements::default(), SEED);
        let sheets = (0..SHEETS).map(|_| sheet(&mut rng, model)).map(|answers| {
            let score = engine.recommend(&answers);
            (answers, score)
        });
        let sheets = sheets.collect();
        // The beginning of 2025.
        Self { rng, words, sheets, begun: Timestamp::UNIX_EPOCH + 482_136.hours() }
    }

    /// One of the first `most` words from a place on; the first ones are much more common.
    fn word(&mut self, from: usize, most: u16) -> String {
        let spread: f64 = self.rng.random();
        let place = f64::from(most).powf(spread) - 1.0;
        self.words.get(from + place as usize).cloned().unwrap_or_default()
    }

    fn said(&mut self, words: usize) -> String {
        let mut text = String::new();
        for at in 1..=words {
            text += &self.word(0, WORDS);
            text += match at {
                _ if at == words => ".",
                _ if at % 12 == 0 => ".\n",
                _ => " ",
            };
        }
        text
    }

    fn record(&mut self, number: u32) -> Result<(String, String), Failure> {
        let mut draft = match self.rng.random_bool(0.5) {
            true => self.recorded()?,
            false => self.imported(number),
        };
        draft.team = Some(format!("team-{}", self.word(0, TEAMS)));
        let tags = self.rng.random_range(0..4);
        draft.tags = (0..tags).map(|_| self.word(usize::from(TEAMS), TAGS)).collect();
        draft.tags.sort();
        draft.tags.dedup();
        draft.status = match self.rng.random_range(0..20) {
            0 => Status::Draft,
            1 | 2 => Status::Proposed,
            3 => Status::Rejected,
            4 => Status::Deprecated,
            _ => Status::Accepted,
        };
        let made = self.begun + (i64::from(number) * 600).seconds();
        let day: Date = made.to_zoned(jiff::tz::TimeZone::UTC).date();
        draft.decided =
            matches!(draft.status, Status::Accepted | Status::Deprecated).then_some(day);
        draft.review_by = day.checked_add(self.rng.random_range(6..60).months()).ok();
        if number > 100 && self.rng.random_bool(0.05) {
            draft.supersedes = vec![id(self.rng.random_range(1..number))];
        }
        let title = draft.title.clone();
        Ok((title, draft.to_toml(id(number), made, "somebody")))
    }

    /// As assay makes it from a sheet, with a paragraph of their own.
    fn recorded(&mut self) -> Result<Draft, Failure> {
        let sheet = self.rng.random_range(0..SHEETS);
        let service = format!("{}-{}", self.word(0, SERVICES), self.word(500, 50));
        let own = self.said(60);
        let title = self.said(4);
        let (answers, score) = self.sheets.get(sheet).ok_or("no sheet")?;
        let option = score.recommended.unwrap_or(Choice::Go);
        let day = jiff::civil::date(2026, 1, 1);
        let mut draft =
            draft_from(score, answers, Model::builtin(), Some(&service), Some(option), day);
        draft.title = format!("{} for {service}: {}", option.name(), title.trim_end_matches('.'));
        draft.rationale.context = format!("{own}\n\n{}", draft.rationale.context);
        Ok(draft)
    }

    fn imported(&mut self, number: u32) -> Draft {
        let title = self.said(6).trim_end_matches('.').to_owned();
        let (context, decision, consequences) = (self.said(70), self.said(40), self.said(30));
        let text = format!(
            "# {title}\n\n* Status: accepted\n\n## Context and Problem Statement\n\n{context}\n\n\
             ## Decision Outcome\n\n{decision}\n\n### Consequences\n\n{consequences}\n"
        );
        Draft {
            original: Some(Original {
                format: Dialect::Madr2,
                file: format!("{number:04}-{}.md", assay_records::slug(&title)),
                text,
            }),
            title,
            rationale: Rationale { context, decision, consequences },
            ..Draft::default()
        }
    }
}

/// A typical service with a few answers changed.
fn sheet(rng: &mut ChaCha8Rng, model: &Model) -> Answers {
    let mut answers = presets().choose(rng).map(|it| it.answers.clone()).unwrap_or_default();
    for _ in 0..4 {
        let Some(question) = model.questions().choose(rng) else { continue };
        if let QuestionKind::One(values) = &question.kind
            && let Some(value) = values.choose(rng)
        {
            let mut pairs = answers.to_pairs();
            pairs.retain(|(id, _)| *id != question.id);
            pairs.push((question.id.clone(), value.value.clone()));
            answers = Answers::from_pairs(model, pairs).0;
        }
    }
    answers
}

fn id(number: u32) -> Uuid {
    Uuid::from_u128(0x0198_f2c4_7d1e_7c3a_9b52_0000_0000_0000 + u128::from(number))
}
