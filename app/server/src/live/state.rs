//! How a run stands: what the pages show.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use assay_evidence::{Profile, Summary};
use assay_harness::Progress;
use jiff::Timestamp;

/// The steps kept for the log; a long run has more, and the early ones go.
const STEPS_MAX: usize = 200;

/// How things stand.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Rises with each change.
    pub number: u64,
    /// Rises with each run.
    pub runs: u64,
    /// Whether a run is going on, or how the last one ended.
    pub stage: Stage,
    /// What was asked for; absent before the first run.
    pub plan: Option<Plan>,
    /// The share done, 0 to 1.
    pub share: f64,
    /// About how long the rest takes.
    pub left: Duration,
    /// What was done, in order.
    pub steps: VecDeque<Step>,
    /// The figures of the finished blocks.
    pub figures: Option<Arc<Summary>>,
    /// Whether it was asked to stop.
    pub stopping: bool,
}

/// Whether a run is going on, or how the last one ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// None was started.
    #[default]
    Idle,
    /// One is going on.
    Running,
    /// It finished; the run's name.
    Finished {
        /// Absent when its folder cannot be read.
        run: Option<String>,
    },
    /// It was stopped.
    Cancelled {
        /// Absent when no block was finished.
        run: Option<String>,
    },
    /// It failed.
    Failed {
        /// Why, in words.
        why: String,
        /// The run with its finished blocks, if there are any.
        run: Option<String>,
    },
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The scenario's id.
    pub scenario: String,
    /// In words.
    pub title: String,
    /// How thorough.
    pub profile: Profile,
    /// How many blocks.
    pub blocks: u32,
    /// When it began.
    pub began: Timestamp,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it began.
    pub at: Timestamp,
    /// What it is.
    pub text: String,
}

impl Snapshot {
    /// What is being measured.
    #[must_use]
    pub fn running(&self) -> Option<&Plan> {
        self.plan.as_ref().filter(|_| self.stage == Stage::Running)
    }

    /// The blocks finished so far.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.figures.as_ref().map_or(0, |figures| figures.blocks)
    }

    pub(super) fn begin(&mut self, plan: Plan) {
        *self = Self {
            number: self.number + 1,
            runs: self.runs + 1,
            stage: Stage::Running,
            plan: Some(plan),
            ..Self::default()
        };
    }

    pub(super) fn step(&mut self, at: Timestamp, progress: Progress, figures: Option<Summary>) {
        self.number += 1;
        (self.share, self.left) = (progress.share, progress.left);
        self.note(at, progress.text);
        self.take(figures);
    }

    /// Whether it changed anything.
    pub(super) fn stopping(&mut self) -> bool {
        let changes = self.stage == Stage::Running && !self.stopping;
        if changes {
            self.number += 1;
            self.stopping = true;
        }
        changes
    }

    pub(super) fn end(&mut self, at: Timestamp, stage: Stage, figures: Option<Summary>) {
        self.number += 1;
        self.take(figures);
        let word = match &stage {
            Stage::Finished { .. } => "finished",
            Stage::Cancelled { .. } => "cancelled",
            Stage::Failed { .. } => "failed",
            Stage::Idle | Stage::Running => "ended",
        };
        self.note(at, word.to_owned());
        self.stage = stage;
    }

    fn take(&mut self, figures: Option<Summary>) {
        if let Some(figures) = figures {
            self.figures = Some(Arc::new(figures));
        }
    }

    fn note(&mut self, at: Timestamp, text: String) {
        if self.steps.back().is_some_and(|last| last.text == text) {
            return;
        }
        if self.steps.len() == STEPS_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back(Step { at, text });
    }
}
