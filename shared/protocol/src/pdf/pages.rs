//! How often the pages of a PDF are shown: a page may be named many times.

use std::collections::{HashMap, HashSet};

use super::value::{Dictionary, Value};
use crate::budget::Budget;

/// The deepest tree of pages that is read.
const DEEPEST: usize = 200;

/// What a reference counts beside its length: it takes memory.
const REFERENCE: usize = 16;

/// The objects that lead to pages.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The children that each version of an object names.
    kids: HashMap<u64, Vec<Vec<u64>>>,
    /// The lists that stand for children, as if they were the only child.
    elsewhere: HashSet<u64>,
    lists: HashMap<u64, Vec<u64>>,
    leaves: HashSet<u64>,
    /// How often each page names a stream, or a list of streams.
    contents: HashMap<(u64, u64), u64>,
    /// The largest count of pages that a tree claims.
    most: u64,
}

/// How often pages are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Pages as a reader shows them.
    pub(super) pages: u64,
    /// Whether a page is there more than once.
    pub(super) is_repeated: bool,
}

impl Tree {
    /// Adds one version of an object; `None` if it is too much for the budget.
    pub(super) fn add(
        &mut self,
        number: u64,
        value: &Value<'_>,
        budget: &mut Budget,
    ) -> Option<()> {
        match value {
            Value::List(list) => {
                budget.read(list.references.len() * REFERENCE)?;
                self.lists.entry(number).or_default().extend_from_slice(&list.references);
            }
            Value::Dictionary(dictionary) => self.add_dictionary(number, dictionary, budget)?,
            Value::Name(_) | Value::Whole(_) | Value::Reference(_) | Value::Other => {}
        }
        Some(())
    }

    fn add_dictionary(
        &mut self,
        number: u64,
        dictionary: &Dictionary<'_>,
        budget: &mut Budget,
    ) -> Option<()> {
        for kids in dictionary.all(b"Kids") {
            self.most = self.most.max(dictionary.most(b"Count").unwrap_or_default());
            match kids {
                Value::List(list) => {
                    budget.read(list.references.len() * REFERENCE)?;
                    self.kids.entry(number).or_default().push(list.references.clone());
                }
                Value::Reference(list) => {
                    self.kids.entry(number).or_default().push(vec![*list]);
                    self.elsewhere.insert(*list);
                }
                Value::Name(_) | Value::Whole(_) | Value::Dictionary(_) | Value::Other => {}
            }
        }
        let mut has_contents = false;
        for contents in dictionary.all(b"Contents") {
            match contents {
                Value::List(list) => {
                    budget.read(list.references.len() * REFERENCE)?;
                    let mut times = HashMap::<u64, u64>::new();
                    for stream in &list.references {
                        *times.entry(*stream).or_default() += 1;
                    }
                    for (stream, times) in times {
                        let most = self.contents.entry((number, stream)).or_default();
                        *most = times.max(*most);
                    }
                }
                Value::Reference(stream) => {
                    self.contents.entry((number, *stream)).or_insert(1);
                }
                Value::Name(_) | Value::Whole(_) | Value::Dictionary(_) | Value::Other => continue,
            }
            has_contents = true;
        }
        let keys: [&[u8]; 3] = [b"MediaBox", b"Annots", b"Resources"];
        if dictionary.may_be(b"Page") || has_contents || keys.iter().any(|key| dictionary.has(key))
        {
            self.leaves.insert(number);
        }
        Some(())
    }

    /// The pages; `None` if their tree goes in a circle or too deep.
    pub(super) fn shown(&mut self) -> Option<Shown> {
        for list in &self.elsewhere {
            if let Some(kids) = self.lists.remove(list) {
                self.kids.entry(*list).or_default().push(kids);
            }
        }
        let mut known = HashMap::new();
        let mut pages = 0;
        for number in self.kids.keys() {
            pages = pages.max(self.below(*number, &mut known, 0)?);
        }
        let has_twice = |kids: &Vec<u64>| {
            let mut seen = HashSet::new();
            kids.iter().any(|kid| !seen.insert(*kid))
        };
        let is_leaf = |kid: &&u64| self.leaves.contains(*kid) && !self.kids.contains_key(*kid);
        let leaves: HashSet<_> = self.kids.values().flatten().flatten().filter(is_leaf).collect();
        let is_repeated =
            pages > leaves.len() as u64 || self.kids.values().flatten().any(has_twice);
        Some(Shown { pages: pages.max(self.most), is_repeated })
    }

    fn below(&self, number: u64, known: &mut HashMap<u64, u64>, depth: usize) -> Option<u64> {
        if let Some(pages) = known.get(&number) {
            return Some(*pages);
        }
        if depth > DEEPEST {
            return None;
        }
        let mut most = u64::from(self.leaves.contains(&number));
        for kids in self.kids.get(&number).into_iter().flatten() {
            let mut sum = 0_u64;
            for kid in kids {
                sum = sum.saturating_add(self.below(*kid, known, depth + 1)?);
            }
            most = most.max(sum);
        }
        known.insert(number, most);
        Some(most)
    }

    /// How often pages name each stream. Before [`Self::shown`].
    pub(super) fn streams(&self) -> HashMap<u64, u64> {
        let mut named = HashMap::<u64, u64>::new();
        for ((_, stream), times) in &self.contents {
            add(&mut named, *stream, *times);
        }
        let lists = named.iter().filter_map(|(list, times)| Some((self.lists.get(list)?, *times)));
        let lists: Vec<_> = lists.collect();
        for (list, times) in lists {
            list.iter().for_each(|stream| add(&mut named, *stream, times));
        }
        named
    }
}

fn add(named: &mut HashMap<u64, u64>, stream: u64, times: u64) {
    let sum = named.entry(stream).or_default();
    *sum = sum.saturating_add(times);
}
