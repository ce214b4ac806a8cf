//! Where the time of a call went whose deadline passed.

use std::{fmt, net::SocketAddr, time::Duration};

/// What a call can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// On the client: the addresses of the target.
    Resolve,
    /// On the client: a connection to any endpoint.
    Connect,
    /// On the client: room on an endpoint.
    Queue,
    /// On the client: the pause before another attempt.
    Backoff,
    /// On the client: the head of an answer, and so the server's work.
    Answer,
    /// The rest of an answer, on either side.
    Body,
    /// On the server: the rest of the request.
    Request,
    /// On the server: the handler.
    Handler,
}

/// The stages of a client, in the order in which [`Spent`] counts them.
const COUNTED: [Stage; 6] =
    [Stage::Resolve, Stage::Connect, Stage::Queue, Stage::Backoff, Stage::Answer, Stage::Body];

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Queue => "queue",
            Self::Backoff => "backoff",
            Self::Answer => "answer",
            Self::Body => "body",
            Self::Request => "request",
            Self::Handler => "handler",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the time of a call went, as far as it is known: in milliseconds, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// What the call was waiting for when its deadline passed.
    pub waited_for: Option<Stage>,
    /// The endpoint that it was sent to last.
    pub endpoint: Option<SocketAddr>,
    /// How often it was sent.
    pub attempts: u32,
    millis: [u32; COUNTED.len()],
}

impl Spent {
    /// Of a call of which nothing is known.
    pub(crate) const UNKNOWN: Self =
        Self { waited_for: None, endpoint: None, attempts: 0, millis: [0; COUNTED.len()] };

    /// Of a call of which nothing is known but what it was waiting for.
    pub(crate) const fn waiting_for(stage: Stage) -> Self {
        Self { waited_for: Some(stage), ..Self::UNKNOWN }
    }

    /// The milliseconds that went into a stage of the client.
    pub fn millis(&self, stage: Stage) -> u32 {
        COUNTED.iter().position(|counted| *counted == stage).map_or(0, |index| self.millis[index])
    }

    pub(crate) fn add(&mut self, stage: Stage, time: Duration) {
        if let Some(index) = COUNTED.iter().position(|counted| *counted == stage) {
            let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            self.millis[index] = self.millis[index].saturating_add(millis);
        }
    }

    /// Each thing that is known, as metadata of an error.
    pub(super) fn tell(&self, mut put: impl FnMut(&str, String)) {
        if let Some(stage) = self.waited_for {
            put("waited_for", stage.to_string());
        }
        if let Some(endpoint) = self.endpoint {
            put("endpoint", endpoint.to_string());
            put("attempts", self.attempts.to_string());
        }
        for (stage, millis) in COUNTED.iter().zip(self.millis).filter(|(_, millis)| *millis > 0) {
            put(&format!("{stage}_ms"), millis.to_string());
        }
    }
}

/// "while it waited for the answer of 10.0.0.1:1", if that is known.
impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stage) = self.waited_for else { return Ok(()) };
        let what = match stage {
            Stage::Resolve => "the addresses of its target",
            Stage::Connect => "a connection",
            Stage::Queue => "room on an endpoint",
            Stage::Backoff => "its next attempt",
            Stage::Answer => "the answer",
            Stage::Body => "the rest of the answer",
            Stage::Request => "the rest of the request",
            Stage::Handler => "the handler",
        };
        write!(f, ", while it waited for {what}")?;
        match (stage, self.endpoint) {
            (Stage::Answer | Stage::Body, Some(endpoint)) => write!(f, " of {endpoint}"),
            _ => Ok(()),
        }
    }
}
