//! Who takes part in a block: the idiomatic pair and the variants, and in which order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use assay_evidence::{Kind, Twin};

use crate::scenario::{Behind, Protocol, Scenario, VariantPlan};
use crate::tools::Binaries;

/// One of those measured in every block.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    pub(crate) twin: Twin,
    /// The variant's id; absent for the idiomatic twin.
    pub(crate) variant: Option<String>,
    /// A floor answers with fixed bytes and keeps no contract.
    pub(crate) floor: bool,
    pub(crate) binary: PathBuf,
    /// Arguments besides `--listen` and `--threads`.
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// Whether Go's collector reports on stderr.
    pub(crate) gc_trace: bool,
    /// What it speaks.
    pub(crate) protocol: Protocol,
    /// Whether it stands beside both twins: a program of others, or one of ours that keeps no
    /// contract.
    pub(crate) other: bool,
    /// Whether its arguments say `{port}`, where a service chooses one.
    pub(crate) told_port: bool,
    /// How many threads a service has.
    pub(crate) threads: u32,
    /// Whether a service is given a folder for its data.
    pub(crate) data_folder: bool,
    /// What stands behind it, by what files call it.
    pub(crate) behind: Vec<(String, Self)>,
    /// Whether that is weighed with it.
    pub(crate) whole_path: bool,
    /// Files that its arguments name.
    pub(crate) files: BTreeMap<String, String>,
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            None => write!(f, "the {} twin", self.twin),
            Some(id) => write!(f, "the variant {id}"),
        }
    }
}

impl Participant {
    /// The pair and the scenario's variants, in this order.
    pub(crate) fn all(scenario: &Scenario, binaries: &Binaries) -> Vec<Self> {
        let pair = [Twin::Rust, Twin::Go].map(|twin| Self::idiomatic(scenario, binaries, twin));
        let variants = scenario.variants.iter().map(|plan| Self::variant(scenario, binaries, plan));
        pair.into_iter().chain(variants).collect()
    }

    pub(crate) fn idiomatic(scenario: &Scenario, binaries: &Binaries, twin: Twin) -> Self {
        let mut env = BTreeMap::new();
        if twin == Twin::Go {
            env.insert("GOMAXPROCS".into(), scenario.threads.to_string());
        }
        let gc_trace = scenario.gc_trace && twin == Twin::Go;
        if gc_trace {
            env.insert("GODEBUG".into(), "gctrace=1".into());
        }
        let args = scenario.args.clone();
        let binary = binaries.twin(twin).to_owned();
        Self {
            twin,
            variant: None,
            floor: false,
            binary,
            args,
            env,
            gc_trace,
            protocol: scenario.protocol,
            other: false,
            told_port: false,
            threads: scenario.threads,
            data_folder: scenario.data_folder,
            behind: Self::all_behind(scenario, binaries, &twin.to_string()),
            whole_path: scenario.whole_path,
            files: scenario.files.clone(),
        }
    }

    /// What stands behind one of those measured.
    fn all_behind(scenario: &Scenario, binaries: &Binaries, name: &str) -> Vec<(String, Self)> {
        let plans = scenario.behind.iter().filter(|plan| plan.is_of(name));
        let of = |plan: &Behind| {
            let binary = binaries.behind.get(&plan.key())?.clone();
            let (env, args) = (BTreeMap::new(), plan.args.clone());
            let service = Self {
                twin: plan.language,
                variant: Some(plan.id.clone()),
                floor: false,
                binary,
                args,
                env,
                gc_trace: false,
                protocol: scenario.protocol,
                other: true,
                told_port: false,
                threads: scenario.threads,
                data_folder: false,
                behind: Vec::new(),
                whole_path: false,
                files: scenario.files.clone(),
            };
            Some((plan.id.clone(), service))
        };
        plans.filter_map(of).collect()
    }

    pub(crate) fn variant(scenario: &Scenario, binaries: &Binaries, plan: &VariantPlan) -> Self {
        let twin = Self::idiomatic(scenario, binaries, plan.twin());
        let binary = binaries.variants.get(&plan.id).unwrap_or(&twin.binary).clone();
        let variant = Some(plan.id.clone());
        let behind = Self::all_behind(scenario, binaries, &plan.id);
        let twin = Self { behind, ..twin };
        if let Some(program) = &plan.program {
            return Self {
                variant,
                binary,
                args: program.args.clone(),
                env: BTreeMap::new(),
                gc_trace: false,
                protocol: program.protocol,
                other: true,
                told_port: true,
                data_folder: false,
                ..twin
            };
        }
        let other = plan.kind == Kind::Other;
        let floor = plan.kind == Kind::Floor || other;
        // The floor takes no argument of the service.
        let mut args = if floor { Vec::new() } else { twin.args.clone() };
        args.extend(plan.args.iter().cloned());
        let mut env = twin.env.clone();
        for (name, value) in &plan.env {
            let value = match env.get(name) {
                Some(own) if name == "GODEBUG" => format!("{own},{value}"),
                _ => value.clone(),
            };
            env.insert(name.clone(), value);
        }
        let gc_trace = twin.gc_trace && !floor;
        let data_folder = twin.data_folder && !floor;
        Self { variant, floor, binary, args, env, gc_trace, other, data_folder, ..twin }
    }

    /// A short name: `rust`, `go` or the variant's id.
    pub(crate) fn name(&self) -> String {
        self.variant.clone().unwrap_or_else(|| self.twin.to_string())
    }
}

/// The order of `count` participants in a block, from 1: each pair of blocks runs an order and its
/// reverse, so that of any two each goes first equally often, and what drifts over time falls on
/// both alike. With more than two, the orders are rows of a Williams square (Williams 1949), so
/// that nobody always follows the same one.
pub(crate) fn order(count: usize, block: u32) -> Vec<usize> {
    let round = block.saturating_sub(1) / 2;
    let shift = if count > 2 { usize::try_from(round).unwrap_or(0) } else { 0 };
    // 0, 1, n − 1, 2, n − 2, …: all steps between neighbours differ.
    let zigzag = |at: usize| if at % 2 == 1 { at.div_ceil(2) } else { (count - at / 2) % count };
    let mut order: Vec<usize> = (0..count).map(|at| (zigzag(at) + shift) % count).collect();
    if block.is_multiple_of(2) {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_alternates() {
        let orders: Vec<_> = (1..=4).map(|block| order(2, block)).collect();
        assert_eq!(orders, [[0, 1], [1, 0], [0, 1], [1, 0]]);
    }

    #[test]
    fn everyone_takes_part_and_each_pair_is_balanced() {
        for count in 1..9 {
            let blocks = 10;
            let mut first = vec![vec![0; count]; count];
            for block in 1..=blocks {
                let order = order(count, block);
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..count).collect::<Vec<_>>(), "block {block}: {order:?}");
                for (at, one) in order.iter().enumerate() {
                    for later in &order[at + 1..] {
                        first[*one][*later] += 1;
                    }
                }
            }
            for (one, row) in first.iter().enumerate() {
                for (other, times) in row.iter().enumerate().filter(|(other, _)| *other != one) {
                    assert_eq!(*times, 5, "{one} before {other} of {count}");
                }
            }
        }
    }

    #[test]
    fn nobody_always_follows_the_same_one() {
        for count in 3..9 {
            let mut before = vec![std::collections::BTreeSet::new(); count];
            for block in 1..=10 {
                for pair in order(count, block).windows(2) {
                    before[pair[1]].insert(pair[0]);
                }
            }
            assert!(before.iter().all(|set| set.len() >= 2.min(count - 1)), "{count}: {before:?}");
        }
    }
}
