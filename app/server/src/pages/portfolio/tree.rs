//! Which decision replaced which, as lists within lists: the latest outside, what it replaced within.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::portfolio::{Node, Succession};

/// The most lines shown.
const LINES_MAX: usize = 200;

/// The lists, line by line.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) lines: Vec<Line>,
    /// Whether some are left out.
    pub(super) cut: bool,
}

/// A record in the lists.
pub(super) struct Line {
    pub(super) node: Node,
    /// Whether a list of what it replaced begins behind it.
    pub(super) opens: bool,
    /// How many lists end behind it.
    pub(super) closes: usize,
    /// Whether it stands above already, with what it replaced.
    pub(super) again: bool,
}

impl Tree {
    pub(super) fn new(successions: &[Succession], cut: bool) -> Self {
        let mut replaced: HashMap<Uuid, Vec<&Node>> = HashMap::new();
        for one in successions {
            replaced.entry(one.new.link.id).or_default().push(&one.old);
        }
        let olds: HashSet<Uuid> = successions.iter().map(|one| one.old.link.id).collect();
        let latest = successions.iter().map(|one| &one.new);
        let (mut tree, mut shown) = (Self { lines: Vec::new(), cut }, HashSet::new());
        // Records that replace each other in a circle have no latest; they come behind the others.
        let in_circles = latest.clone().filter(|node| olds.contains(&node.link.id));
        for root in latest.filter(|node| !olds.contains(&node.link.id)).chain(in_circles) {
            if shown.contains(&root.link.id) {
                continue;
            }
            if tree.lines.len() >= LINES_MAX {
                tree.cut = true;
                break;
            }
            tree.add(root, &replaced, &mut shown);
        }
        tree
    }

    /// Adds a record and, without recursion, everything that led to it.
    fn add(
        &mut self,
        root: &Node,
        replaced: &HashMap<Uuid, Vec<&Node>>,
        shown: &mut HashSet<Uuid>,
    ) {
        // What is still to come on each level, the next at the end.
        let mut levels: Vec<Vec<&Node>> = vec![vec![root]];
        while let Some(level) = levels.last_mut() {
            let Some(node) = level.pop() else {
                levels.pop();
                if let (Some(line), false) = (self.lines.last_mut(), levels.is_empty()) {
                    line.closes += 1;
                }
                continue;
            };
            let again = !shown.insert(node.link.id);
            let within = replaced.get(&node.link.id).filter(|_| !again);
            let opens = within.is_some();
            self.lines.push(Line { node: node.clone(), opens, closes: 0, again });
            levels.extend(within.map(|olds| olds.iter().rev().copied().collect::<Vec<_>>()));
        }
    }
}

#[cfg(test)]
mod tests {
    use assay_records::Standing;
    use assay_store::Link;

    use super::*;

    fn tree(pairs: &[(u32, u32)]) -> String {
        let node = |number: u32| Node {
            link: Link { id: Uuid::from_u128(number.into()), number, title: String::new() },
            standing: Standing::Accepted,
            option: None,
            day: jiff::civil::Date::ZERO,
        };
        let pairs: Vec<Succession> = pairs
            .iter()
            .map(|(new, old)| Succession { new: node(*new), old: node(*old) })
            .collect();
        let mut text = String::new();
        for line in Tree::new(&pairs, false).lines {
            text += &line.node.link.number.to_string();
            text += if line.again { "^" } else { "" };
            text += if line.opens { "(" } else { " " };
            text += &") ".repeat(line.closes);
        }
        text
    }

    #[test]
    fn chains_forks_joins_and_circles_are_lists_within_lists() {
        assert_eq!(tree(&[]), "");
        assert_eq!(tree(&[(3, 2), (2, 1)]), "3(2(1 ) ) ");
        assert_eq!(tree(&[(9, 3), (9, 2), (3, 1)]), "9(3(1 ) 2 ) ");
        // Both 4 and 5 replaced 2, which had replaced 1.
        assert_eq!(tree(&[(5, 2), (4, 2), (2, 1)]), "5(2(1 ) ) 4(2^ ) ");
        assert_eq!(tree(&[(1, 2), (2, 1)]), "1(2(1^ ) ) ");
    }
}
