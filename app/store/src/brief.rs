//! What a list narrows by and counts, a few bytes a record and side by side: going through those of a
//! hundred thousand records takes a ms, where their lines, each somewhere else in memory, take fifteen.

use assay_records::{Standing, advice::Choice};
use jiff::civil::Date;

use crate::{Filter, Summary, memory::Values};

/// The tags that stand beside the rest; few records have more.
const TAGS: usize = 3;
/// The number of no team, of no tag, and of one that no record has.
const NONE: u32 = u32::MAX;

/// What is asked most often of a record that is shown.
pub(crate) struct Brief {
    team: u32,
    tags: [u32; TAGS],
    /// The tags after those.
    more: Box<[u32]>,
    day: Date,
    due_from: Option<Date>,
    standing: Standing,
    option: Option<Choice>,
    overridden: bool,
}

impl Brief {
    /// Of a line, whose team and tags are numbered.
    pub(crate) fn of(line: &Summary, teams: &Values, tags: &Values) -> Self {
        let mut numbers = line.tags.iter().map(|tag| tags.number(tag).unwrap_or(NONE));
        Self {
            team: line.team.as_deref().and_then(|team| teams.number(team)).unwrap_or(NONE),
            tags: std::array::from_fn(|_| numbers.next().unwrap_or(NONE)),
            more: numbers.collect(),
            day: line.facts.day,
            due_from: line.due_from(),
            standing: line.standing,
            option: line.option,
            overridden: line.overridden,
        }
    }

    /// The first day on which it is due for review.
    pub(crate) const fn due_from(&self) -> Option<Date> {
        self.due_from
    }

    fn tags(&self) -> impl Iterator<Item = u32> {
        let first = self.tags.iter().copied().take_while(|tag| *tag != NONE);
        first.chain(self.more.iter().copied())
    }
}

/// A filter as it is asked of many records.
pub(crate) struct Narrow<'a> {
    filter: &'a Filter,
    team: Option<u32>,
    tag: Option<u32>,
    /// What only the line tells, if anything of that is asked.
    line: Option<Filter>,
}

impl<'a> Narrow<'a> {
    pub(crate) fn by(filter: &'a Filter, teams: &Values, tags: &Values) -> Self {
        let line = Filter {
            revisited: filter.revisited,
            fired: filter.fired,
            unknown: filter.unknown,
            runs: filter.runs.clone(),
            examples: filter.examples,
            ..Filter::default()
        };
        let number = |values: &Values, value: &str| values.number(value);
        Self {
            filter,
            // An empty team stands for none. One that no record has fits no record.
            team: filter.team.as_deref().map(|team| {
                number(teams, team).unwrap_or(match team {
                    "" => NONE,
                    _ => NONE - 1,
                })
            }),
            tag: filter.tag.as_deref().map(|tag| number(tags, tag).unwrap_or(NONE)),
            line: (line != Filter::default()).then_some(line),
        }
    }

    /// Whether a record fits in all that is not counted by value.
    pub(crate) fn lets_through<'l>(
        &self,
        brief: &Brief,
        line: impl FnOnce() -> Option<&'l Summary>,
    ) -> bool {
        let Filter { due, from, to, overridden, decided, .. } = self.filter;
        due.is_none_or(|day| brief.due_from.is_some_and(|from| from <= day))
            && overridden.is_none_or(|overridden| brief.overridden == overridden)
            && (!decided || brief.standing.is_decided())
            && from.is_none_or(|from| brief.day >= from)
            && to.is_none_or(|to| brief.day <= to)
            && self
                .line
                .as_ref()
                .is_none_or(|asked| line().is_some_and(|it| asked.lets_through(it)))
    }

    /// A bit for each of the conditions counted by value that a record misses.
    pub(crate) fn misses(&self, brief: &Brief) -> u8 {
        let miss = |bit: u8, fits: bool| if fits { 0 } else { bit };
        miss(STATUS, self.filter.status.is_none_or(|status| status == brief.standing))
            | miss(OPTION, self.filter.option.is_none_or(|option| Some(option) == brief.option))
            | miss(TEAM, self.team.is_none_or(|team| team == brief.team))
            | miss(TAG, self.tag.is_none_or(|wanted| brief.tags().any(|tag| tag == wanted)))
    }
}

const STATUS: u8 = 1;
const OPTION: u8 = 2;
const TEAM: u8 = 4;
const TAG: u8 = 8;

/// How many records each value would leave.
pub(crate) struct Counts {
    /// In the order of [`Standing::ALL`].
    pub(crate) statuses: Vec<u64>,
    /// In the order of [`Choice::ALL`].
    pub(crate) options: Vec<u64>,
    /// By the teams' numbers.
    pub(crate) teams: Vec<u64>,
    /// By the tags' numbers.
    pub(crate) tags: Vec<u64>,
}

impl Counts {
    pub(crate) fn new(teams: &Values, tags: &Values) -> Self {
        Self {
            statuses: vec![0; Standing::ALL.len()],
            options: vec![0; Choice::ALL.len()],
            teams: vec![0; teams.len()],
            tags: vec![0; tags.len()],
        }
    }

    /// Counts a record for every condition that it would fit if only that one were another.
    pub(crate) fn add(&mut self, misses: u8, brief: &Brief) {
        let only = |bit: u8| misses & !bit == 0;
        if only(STATUS) {
            count(&mut self.statuses, brief.standing as usize);
        }
        if only(OPTION)
            && let Some(option) = brief.option
        {
            count(&mut self.options, option as usize);
        }
        if only(TEAM) {
            count(&mut self.teams, brief.team as usize);
        }
        if only(TAG) {
            brief.tags().for_each(|tag| count(&mut self.tags, tag as usize));
        }
    }
}

/// Counts at a place, if there is one.
fn count(counts: &mut [u64], place: usize) {
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}
