//! What the decisions amount to together, counted in one go over their lines.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use assay_advice::Choice;
use assay_records::{Outcome, Standing};
use assay_store::{Facts, Filter, Link, Store, StoreError, Summary};
use jiff::civil::Date;
use uuid::Uuid;

/// The most supersessions kept; those of the newest records come first.
const SUCCESSIONS_MAX: usize = 500;

/// Over the records that a filter lets through.
#[derive(Default)]
pub struct Portfolio {
    /// How many there are.
    pub total: u64,
    /// How many of them are examples that come with the program.
    pub examples: u64,
    /// By team, an empty name for none: what is in force there with an option chosen.
    pub teams: BTreeMap<String, TeamUse>,
    /// By what became of them: how many decisions were made.
    pub fates: HashMap<Fate, u64>,
    /// By the first day of a month and the option: how many decisions were made. An imported one
    /// about something else has no option.
    pub months: BTreeMap<Date, HashMap<Option<Choice>, u64>>,
    /// By the questions that were open when the advice was given
    /// ([`assay_store::question_bits`]): how many decisions are in force.
    pub open: HashMap<u64, u64>,
    /// By the runs that they rely on: how many decisions are in force.
    pub runs: HashMap<Box<[Arc<str>]>, u64>,
    /// Which record replaced which.
    pub successions: Vec<Succession>,
    /// Whether some supersessions were left out.
    pub successions_cut: bool,
    /// The records replaced, as far as they are known.
    replaced: HashMap<Uuid, Node>,
    wanted: Vec<(Node, Uuid)>,
}

/// What is in force at a team.
#[derive(Clone, Debug, Default)]
pub struct TeamUse {
    /// By option: how many decisions.
    pub options: HashMap<Choice, u64>,
    /// What its newest decision in force says of the team, with that decision's number.
    pub newest: (u32, Facts),
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fate {
    /// Whether the choice went against the advice.
    pub overridden: bool,
    /// Its status as readers see it: accepted, deprecated or superseded.
    pub standing: Standing,
    /// What came of the last revisit.
    pub outcome: Option<Outcome>,
    /// Whether a trigger has ever fired.
    pub fired: bool,
}

/// A record that replaced another.
#[derive(Clone, Debug)]
pub struct Succession {
    /// The later one.
    pub new: Node,
    /// The one it replaced.
    pub old: Node,
}

/// A record as a supersession shows it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Id, number and title.
    pub link: Link,
    /// The status as readers see it.
    pub standing: Standing,
    /// The option chosen.
    pub option: Option<Choice>,
    /// The day of the decision.
    pub day: Date,
}

impl Portfolio {
    /// Counts the records that a filter lets through.
    ///
    /// # Errors
    /// What the store says.
    pub async fn of(store: &dyn Store, filter: &Filter) -> Result<Self, StoreError> {
        let mut counted = Self::default();
        store.each(filter, &mut |line| counted.add(line)).await?;
        // What was replaced may itself lie outside the filter.
        let known = |id: &Uuid, counted: &Self| counted.replaced.contains_key(id);
        let missing: HashSet<Uuid> = counted.wanted.iter().map(|(_, old)| *old).collect();
        if missing.iter().any(|id| !known(id, &counted)) {
            let superseded = Filter { status: Some(Standing::Superseded), ..Filter::default() };
            let mut add = |line: &Arc<Summary>| {
                if missing.contains(&line.id) {
                    counted.replaced.insert(line.id, Node::of(line));
                }
            };
            store.each(&superseded, &mut add).await?;
        }
        let replaced = std::mem::take(&mut counted.replaced);
        let pairs = std::mem::take(&mut counted.wanted).into_iter();
        // A record that is gone left only its id.
        let pairs = pairs.filter_map(|(new, old)| Some((new, replaced.get(&old)?.clone())));
        counted.successions = pairs.map(|(new, old)| Succession { new, old }).collect();
        Ok(counted)
    }

    fn add(&mut self, line: &Summary) {
        self.total += 1;
        self.examples += u64::from(line.is_example());
        if line.standing == Standing::Superseded {
            self.replaced.insert(line.id, Node::of(line));
        }
        if !line.is_decided() {
            return;
        }
        let facts = &line.facts;
        if let Ok(month) = facts.day.with().day(1).build() {
            *self.months.entry(month).or_default().entry(line.option).or_default() += 1;
        }
        for old in &line.supersedes {
            match self.wanted.len() < SUCCESSIONS_MAX {
                true => self.wanted.push((Node::of(line), *old)),
                false => self.successions_cut = true,
            }
        }
        let fate = Fate {
            overridden: line.overridden,
            standing: line.standing,
            outcome: facts.outcome,
            fired: facts.ever_fired,
        };
        *self.fates.entry(fate).or_default() += 1;
        if line.standing != Standing::Accepted {
            return;
        }
        if let Some(option) = line.option {
            let team =
                self.teams.entry(line.team.as_deref().unwrap_or_default().to_owned()).or_default();
            *team.options.entry(option).or_default() += 1;
            if line.number >= team.newest.0 {
                team.newest = (line.number, facts.clone());
            }
        }
        *self.open.entry(facts.unknown).or_default() += 1;
        if !facts.runs.is_empty() {
            *self.runs.entry(facts.runs.clone()).or_default() += 1;
        }
    }

    /// How many decisions that were made became of what `of` asks for.
    pub fn fared(&self, of: impl Fn(&Fate) -> bool) -> u64 {
        self.fates.iter().filter(|(fate, _)| of(fate)).map(|(_, n)| n).sum()
    }

    /// How many decisions are in force that left any of these questions open.
    #[must_use]
    pub fn open(&self, questions: u64) -> u64 {
        self.open.iter().filter(|(open, _)| *open & questions != 0).map(|(_, n)| n).sum()
    }

    /// How many decisions are in force that rely on a run that `of` asks for.
    pub fn resting_on(&self, of: impl Fn(&str) -> bool) -> u64 {
        let rest = self.runs.iter().filter(|(runs, _)| runs.iter().any(|run| of(run)));
        rest.map(|(_, n)| n).sum()
    }
}

impl Node {
    fn of(line: &Summary) -> Self {
        let link = Link { id: line.id, number: line.number, title: line.title.clone() };
        Self { link, standing: line.standing, option: line.option, day: line.facts.day }
    }
}
