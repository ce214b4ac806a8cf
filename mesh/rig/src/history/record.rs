//! The lines of a history.

use serde::{Deserialize, Serialize};

/// One line of a history. Times are microseconds since its beginning, by a clock that never goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    Start {
        /// From which the clients' choices and the faults were drawn.
        seed: u64,
        /// Clients at once.
        clients: u32,
    },
    /// A client began a call. Repeats of a call under the same request id are part of the same operation.
    Invoke {
        /// Names the operation.
        op: u64,
        /// The client; it has one operation at a time.
        client: u32,
        /// When.
        t: u64,
        /// What it asked for.
        call: Call,
    },
    /// The call succeeded.
    Ok {
        /// Which operation.
        op: u64,
        /// When.
        t: u64,
        /// What it was told.
        answer: Answer,
    },
    /// The call was refused, and did nothing.
    Fail {
        /// Which operation.
        op: u64,
        /// When.
        t: u64,
        /// The code's name, such as `ALREADY_EXISTS`.
        code: String,
        /// The reason of its `ErrorInfo`.
        reason: String,
    },
    /// It is not known what the call did.
    Info {
        /// Which operation.
        op: u64,
        /// When.
        t: u64,
        /// The code's name, such as `UNAVAILABLE`.
        code: String,
    },
    /// Something was broken on purpose.
    Fault {
        /// When.
        t: u64,
        /// What was done, such as `kill`.
        fault: String,
        /// To what, such as `stack` or `provider`.
        target: String,
    },
    /// Nothing was under way any more, or the wait for that was given up.
    Quiet {
        /// When.
        t: u64,
        /// What was still under way; empty if nothing was.
        left: Vec<String>,
    },
    /// Something was found after that, through the public API or in the books outside.
    Found(Found),
    /// The last line: whoever wrote the history came to its end.
    End {
        /// How many lines there are before this one.
        lines: u64,
    },
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub enum Call {
    CreateUser {
        request_id: String,
        email: String,
        display_name: String,
    },
    UpdateUser {
        request_id: String,
        user_id: String,
        display_name: String,
    },
    DeleteUser {
        request_id: String,
        user_id: String,
    },
    GetUser {
        user_id: String,
    },
    GetProfile {
        user_id: String,
    },
    UpdateProfile {
        user_id: String,
        display_name: String,
    },
    CreatePayment {
        request_id: String,
        user_id: String,
        amount: Money,
        payment_method: String,
        capture: bool,
    },
    /// Without an amount: all.
    CapturePayment {
        request_id: String,
        payment_id: String,
        amount: Option<Money>,
    },
    CancelPayment {
        request_id: String,
        payment_id: String,
    },
    /// Without an amount: all that is left.
    RefundPayment {
        request_id: String,
        payment_id: String,
        amount: Option<Money>,
    },
    GetPayment {
        payment_id: String,
    },
}

impl Call {
    /// The method's name, as in the contracts.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::CreateUser { .. } => "CreateUser",
            Self::UpdateUser { .. } => "UpdateUser",
            Self::DeleteUser { .. } => "DeleteUser",
            Self::GetUser { .. } => "GetUser",
            Self::GetProfile { .. } => "GetProfile",
            Self::UpdateProfile { .. } => "UpdateProfile",
            Self::CreatePayment { .. } => "CreatePayment",
            Self::CapturePayment { .. } => "CapturePayment",
            Self::CancelPayment { .. } => "CancelPayment",
            Self::RefundPayment { .. } => "RefundPayment",
            Self::GetPayment { .. } => "GetPayment",
        }
    }

    /// The request id, under which the call can be repeated; nothing for a call without one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        let id = match self {
            Self::CreateUser { request_id, .. }
            | Self::UpdateUser { request_id, .. }
            | Self::DeleteUser { request_id, .. }
            | Self::CreatePayment { request_id, .. }
            | Self::CapturePayment { request_id, .. }
            | Self::CancelPayment { request_id, .. }
            | Self::RefundPayment { request_id, .. } => request_id,
            Self::GetUser { .. }
            | Self::GetProfile { .. }
            | Self::UpdateProfile { .. }
            | Self::GetPayment { .. } => return None,
        };
        (!id.is_empty()).then_some(id)
    }
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the message of the contract")]
pub enum Answer {
    User(User),
    /// A profile is told like a user, without an address.
    Profile(User),
    Payment(Payment),
    Deleted,
}

/// An amount, in the currency's minor unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Money {
    pub minor: i64,
    pub currency: String,
}

/// A user or a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct User {
    pub user_id: String,
    /// Empty for a profile.
    pub email: String,
    pub display_name: String,
    pub version: u64,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Payment {
    pub payment_id: String,
    pub user_id: String,
    pub amount: Money,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    /// The state's name without its prefix, such as `CAPTURED`.
    pub state: String,
    pub version: u64,
}

/// What was found at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// A user, by id.
    User(User),
    /// Nobody, by this id.
    NoUser {
        /// The id.
        user_id: String,
    },
    /// Whose address it is; `None`: nobody's.
    Email {
        /// The address.
        email: String,
        /// Whose.
        user_id: Option<String>,
    },
    /// A profile, by the user's id.
    Profile(User),
    /// No profile of this user.
    NoProfile {
        /// The user.
        user_id: String,
    },
    /// A payment in a user's list.
    Payment(Payment),
    /// An entry of a ledger.
    Entry(Entry),
    /// What the service says that a ledger adds up to.
    Balance(Balance),
    /// A transaction in the provider's own books.
    Transaction(Transaction),
    /// A notification in a user's list.
    Notification(Notification),
    /// A mail in the sink.
    Mail(Mail),
    /// An event that no consumer could digest.
    Parked {
        /// The queue.
        queue: String,
        /// The event.
        event_id: String,
        /// Of which kind.
        kind: String,
    },
}

/// An entry of a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Entry {
    pub user_id: String,
    pub sequence: u64,
    pub transfer_id: String,
    pub payment_id: String,
    /// The key under which the provider knows the operation.
    pub operation: String,
    /// `PENDING`, `POSTED` or `VOIDED`.
    pub phase: String,
    /// `CUSTOMER` or `MERCHANT`.
    pub debit: String,
    pub credit: String,
    pub amount: Money,
}

/// What a ledger adds up to, as the service says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Balance {
    pub user_id: String,
    pub currency: String,
    pub held_minor: i64,
    pub captured_minor: i64,
    pub refunding_minor: i64,
    pub refunded_minor: i64,
    pub available_minor: i64,
}

/// A transaction in the provider's own books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Transaction {
    pub key: String,
    /// `AUTHORIZE`, `CAPTURE`, `VOID` or `REFUND`.
    pub kind: String,
    pub amount: Money,
    /// `PENDING`, `SETTLED` or `DECLINED`.
    pub status: String,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the contracts")]
pub struct Notification {
    pub user_id: String,
    /// Such as `welcome` or `payment_captured`.
    pub template: String,
    /// The payment that it is about, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    pub message_id: String,
    /// The state's name without its prefix, such as `SENT`.
    pub state: String,
}

/// A mail in the sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its Message-ID.
    pub message_id: String,
    /// How often it arrived.
    pub deliveries: u32,
}
