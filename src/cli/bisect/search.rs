//! Finds the first of several versions that is not like the first one, with as few tries as can be.

/// What is known of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried<T> {
    /// Nothing yet.
    Not,
    /// It was tried, and this came out.
    Outcome(T),
    /// It cannot be tried, and why.
    Skipped(String),
}

/// Versions in their order; the first is good, the last is bad.
#[derive(Debug)]
pub struct VersionSearch<T>(Vec<Tried<T>>);

/// What a search has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This version is to be tried.
    Try(usize),
    /// Good and bad come out alike.
    Same,
    /// Everything is known that can be: the last version that is like the good one, and the first that is not. Those
    /// between them, if any, cannot be tried.
    Found {
        /// The last that is like the good one.
        last: usize,
        /// The first that is not.
        first: usize,
    },
    /// The good or the bad one cannot be tried, so nothing is known.
    Stuck(usize),
}

impl<T: PartialEq> VersionSearch<T> {
    /// Of so many versions, two at least.
    pub fn of(versions: usize) -> Self {
        Self((0..versions).map(|_| Tried::Not).collect())
    }

    /// Notes what came of a version.
    pub fn note(&mut self, version: usize, tried: Tried<T>) {
        if let Some(known) = self.0.get_mut(version) {
            *known = tried;
        }
    }

    /// What is known of a version.
    pub fn known(&self, version: usize) -> &Tried<T> {
        self.0.get(version).unwrap_or(&Tried::Not)
    }

    /// The versions that cannot be tried, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.iter().enumerate().filter_map(|(version, tried)| match tried {
            Tried::Skipped(why) => Some((version, why.as_str())),
            _ => None,
        })
    }

    /// What is to be done now.
    pub fn next(&self) -> Step {
        let ends = [0, self.0.len().saturating_sub(1)];
        for end in ends {
            match self.known(end) {
                Tried::Not => return Step::Try(end),
                Tried::Skipped(_) => return Step::Stuck(end),
                Tried::Outcome(_) => {}
            }
        }
        let Tried::Outcome(good) = self.known(0) else {
            return Step::Stuck(0);
        };
        if self.known(ends[1]) == self.known(0) {
            return Step::Same;
        }
        let is_good = |tried: &Tried<T>| matches!(tried, Tried::Outcome(outcome) if outcome == good);
        let first = (0..self.0.len()).find(|n| matches!(self.known(*n), Tried::Outcome(outcome) if outcome != good));
        let first = first.unwrap_or(ends[1]);
        let last = (0..first).rev().find(|n| is_good(self.known(*n))).unwrap_or(0);
        let middle = last.midpoint(first);
        // Of those that can be tried the one that is nearest to the middle.
        let open = (last + 1..first).filter(|n| matches!(self.known(*n), Tried::Not));
        match open.min_by_key(|n| n.abs_diff(middle)) {
            Some(version) => Step::Try(version),
            None => Step::Found { last, first },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches among versions of which each has an outcome, or none; how many were tried and what was found.
    fn search(versions: &[Option<char>]) -> (usize, Step) {
        let mut search = VersionSearch::of(versions.len());
        for tries in 0.. {
            match search.next() {
                Step::Try(version) => search.note(
                    version,
                    versions[version].map_or(Tried::Skipped("no".into()), Tried::Outcome),
                ),
                step => return (tries, step),
            }
        }
        unreachable!()
    }

    #[test]
    fn the_first_that_changes_is_found_with_two_tries_more_than_the_logarithm() {
        for count in 2..40_usize {
            for change in 1..count {
                let versions: Vec<_> = (0..count).map(|n| Some(if n < change { 'a' } else { 'b' })).collect();
                let (tries, step) = search(&versions);
                let found = Step::Found {
                    last: change - 1,
                    first: change,
                };
                assert_eq!(step, found);
                let most = usize::try_from(count.next_power_of_two().ilog2()).unwrap() + 2;
                assert!(tries <= most, "{tries} of {count}");
            }
        }
    }

    #[test]
    fn a_version_that_cannot_be_tried_is_stepped_over() {
        let of = |text: &str| -> Vec<Option<char>> { text.chars().map(|c| (c != '-').then_some(c)).collect() };
        assert_eq!(search(&of("aaa-bbbb")).1, Step::Found { last: 2, first: 4 });
        assert_eq!(search(&of("a----b")).1, Step::Found { last: 0, first: 5 });
        assert_eq!(search(&of("aa-a-bb-b")).1, Step::Found { last: 3, first: 5 });
        assert_eq!(search(&of("-ab")).1, Step::Stuck(0));
        assert_eq!(search(&of("a-")).1, Step::Stuck(1));
    }

    #[test]
    fn a_third_outcome_is_a_change_too() {
        let versions = ['a', 'a', 'c', 'c', 'b', 'b'].map(Some);
        assert_eq!(search(&versions).1, Step::Found { last: 1, first: 2 });
        assert_eq!(search(&['a', 'b', 'a'].map(Some)).1, Step::Same);
    }
}
