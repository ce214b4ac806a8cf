//! What the tries of one call leave open.

use mesh_rig::history::Answer;
use tonic::{Code, Status};

use super::outcome::{Judgement, judge, reason};

/// What became of an operation.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It was done.
    Done(Answer),
    /// It was refused, or never sent: it did nothing.
    Refused(Code, String),
    /// Nobody knows.
    Unknown(Code),
}

/// What is open after some tries of a call, none of which succeeded.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// What the last try met that may have done something.
    met: Option<Code>,
    /// Whether one of them may do it yet.
    is_under_way: bool,
    /// Whether what was sent may outlive whoever it was sent to.
    outlives: bool,
}

impl Doubt {
    /// As it is where services keep what they know in servers of their own: a write that was sent there goes on when
    /// its sender is killed or has given up.
    pub(super) fn on_servers() -> Self {
        Self { outlives: true, ..Self::default() }
    }

    /// Takes another failed try in; the outcome, if it decides.
    pub(super) fn decided_by(&mut self, status: &Status) -> Option<Outcome> {
        let code = status.code();
        let judgement = match judge(status) {
            Judgement::Unknown if self.outlives => Judgement::UnderWay,
            other => other,
        };
        match judgement {
            // The refusal is of this try. Another one may yet succeed.
            Judgement::Refused if self.is_under_way => {
                return Some(Outcome::Unknown(self.met.unwrap_or(code)));
            }
            Judgement::Refused => return Some(Outcome::Refused(code, reason(status))),
            Judgement::Unsent => {}
            Judgement::Unknown => self.met = Some(code),
            Judgement::UnderWay => (self.met, self.is_under_way) = (Some(code), true),
        }
        None
    }

    /// Whether any try may have done something.
    pub(super) fn is_any(&self) -> bool {
        self.met.is_some()
    }

    /// The outcome if there is no further try after this one.
    pub(super) fn given_up_after(&self, last: &Status) -> Outcome {
        match self.met {
            Some(code) => Outcome::Unknown(code),
            None => Outcome::Refused(last.code(), reason(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use mesh_rpc::{MeshError, Side, Spent};

    use super::*;

    fn lost() -> Status {
        MeshError::ConnectionLost { endpoint: "a:1".to_owned(), cause: "killed".to_owned() }.into()
    }

    fn unsent() -> Status {
        MeshError::ConnectFailed { endpoint: "a:1".to_owned(), cause: "refused".to_owned() }.into()
    }

    fn late() -> Status {
        MeshError::DeadlineExceeded { side: Side::Client, spent: Spent::default() }.into()
    }

    fn refusal() -> Status {
        Status::already_exists("taken")
    }

    #[test]
    fn a_refusal_decides_also_after_the_connection_was_lost() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.decided_by(&lost()), None);
        assert_eq!(doubt.decided_by(&unsent()), None);
        let decided = doubt.decided_by(&refusal());
        assert_eq!(decided, Some(Outcome::Refused(Code::AlreadyExists, String::new())));
    }

    #[test]
    fn a_refusal_decides_nothing_while_an_earlier_try_may_go_on() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.decided_by(&late()), None);
        assert_eq!(doubt.decided_by(&refusal()), Some(Outcome::Unknown(Code::DeadlineExceeded)));
    }

    #[test]
    fn on_servers_a_refusal_decides_nothing_after_a_lost_connection_either() {
        let mut doubt = Doubt::on_servers();
        assert_eq!(doubt.decided_by(&unsent()), None);
        assert_eq!(doubt.decided_by(&lost()), None);
        assert_eq!(doubt.decided_by(&refusal()), Some(Outcome::Unknown(Code::Unavailable)));
        let decided = Doubt::on_servers().decided_by(&refusal());
        assert_eq!(decided, Some(Outcome::Refused(Code::AlreadyExists, String::new())));
    }

    #[test]
    fn whoever_gives_up_knows_nothing_unless_nothing_was_ever_sent() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.decided_by(&unsent()), None);
        assert!(!doubt.is_any());
        let given_up = doubt.given_up_after(&unsent());
        assert_eq!(given_up, Outcome::Refused(Code::Unavailable, "CONNECT_FAILED".to_owned()));
        assert_eq!(doubt.decided_by(&lost()), None);
        assert!(doubt.is_any());
        assert_eq!(doubt.given_up_after(&unsent()), Outcome::Unknown(Code::Unavailable));
    }
}
