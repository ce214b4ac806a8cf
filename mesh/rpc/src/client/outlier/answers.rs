//! What the judge keeps of an endpoint's answers.

use super::counts::Interval;

/// Into how many parts the window of the rolling success rate is cut.
pub(super) const PARTS: usize = 10;

/// The answers since the last sweep, and those of a window that rolls on part by part.
#[derive(Debug, Default)]
pub(super) struct Answers {
    since_sweep: Interval,
    parts: [Interval; PARTS],
    /// The part that is counted in now.
    at: usize,
}

impl Answers {
    pub(super) fn add(&mut self, answers: Interval) {
        self.since_sweep = self.since_sweep.plus(answers);
        self.parts[self.at] = self.parts[self.at].plus(answers);
    }

    /// What came since this was asked last.
    pub(super) fn take_since_sweep(&mut self) -> Interval {
        std::mem::take(&mut self.since_sweep)
    }

    /// What came within the window.
    pub(super) fn lately(&self) -> Interval {
        self.parts.iter().fold(Interval::default(), |sum, part| sum.plus(*part))
    }

    /// A part of the window is over: what is a whole window old is forgotten.
    pub(super) fn roll_on(&mut self) {
        self.at = (self.at + 1) % PARTS;
        self.parts[self.at] = Interval::default();
    }

    /// Nothing came within the window that says anything of what the endpoint is now.
    pub(super) fn forget_lately(&mut self) {
        self.parts = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_forgets_after_ten_parts_and_the_sweep_when_it_has_looked() {
        let mut answers = Answers::default();
        let one = Interval { successes: 3, failures: 1 };
        answers.add(one);
        for _ in 1..PARTS {
            answers.roll_on();
            assert_eq!(answers.lately(), one);
        }
        answers.add(one);
        assert_eq!(answers.lately(), one.plus(one));
        answers.roll_on();
        assert_eq!(answers.lately(), one);
        assert_eq!(answers.take_since_sweep(), one.plus(one));
        assert_eq!(answers.take_since_sweep(), Interval::default());
        answers.forget_lately();
        assert_eq!(answers.lately(), Interval::default());
    }
}
