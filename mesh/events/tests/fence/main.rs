//! The commit protocol of an event, proved by trying every order of its steps.
//!
//! A state change and its event live in different partitions of the CQL store, which no transaction spans. So
//! the event comes first, as an *intent*; then one compare-and-set, the *claim*, commits the change; whatever is
//! left undone is rolled forward or aborted by a *sweeper*, which settles each intent with a *mark*. The worked
//! example is the creation of a user, whose claim is on the row of an e-mail address: `user_id` and an `epoch`.
//!
//! ```text
//! creator   intent(attempt, epoch it expects) -> claim IF user_id = null AND epoch = expected
//!             -> users row -> acknowledge the caller
//! sweeper   for an intent without a mark:
//!             e-mail's row is this user's -> users row, publish, mark
//!             unclaimed, epoch as expected -> fence: epoch + 1 IF user_id = null AND epoch = expected
//!             then, as a second look: users row there -> publish, mark; absent -> mark as aborted
//! release   user_id = null, epoch + 1
//! ```
//!
//! Never may an address be claimed for good and its event not be published. Four rules carry that, each a
//! [`rules::Rule`]: remove one and the shortest way to lose an event is a snapshot in `each_rule_is_needed`.
//!
//! # What is modelled
//! - Two servers creating user A for one request, its caller having retried (A1, A2), and a server creating user
//!   B with the same e-mail address. Each may make a second attempt, with a new intent and the epoch it learned.
//! - A crash anywhere. A stall anywhere: every step may come arbitrarily late, as a stopped process's does.
//! - A claim whose effect comes at any time after it was sent, or after its sender died: an unfinished Paxos
//!   round completed by a later one. The sender's reply, or its serial read after a timeout, comes later still.
//! - A sweeper that finds any intent old at any time: nothing here depends on how long anything takes.
//! - A sweeper that pauses between its two looks, and settles intents in any order. On request a second one, which
//!   begins again at the first look: its lease was lost unawares, or the first crashed.
//! - The address let go of, once, by a user whose row is there: a deletion or a change of address.
//!
//! # What is not
//! - The reads and writes themselves: an acknowledged intent, mark or row is durable and seen by every later
//!   quorum read, and what happens on the address's row is linearizable. That is the database's promise.
//! - The age below which the sweeper lets an intent be, and the creator's check of its own age: both only save
//!   work. Likewise the hint of a commit that the creator leaves and its own early publication.
//! - The users row apart from the acknowledgement that follows it, publication apart from its mark: a crash
//!   between either pair repeats an idempotent step.
//! - More than one address, more than one release, more than two attempts.
//! - Payments: their claim is on another row, with a version in the place of the epoch.

// A run: what it has left behind, and the words for what happens in it.
mod state;
mod step;

// Who takes part, by which rules, and what each may do next.
mod creator;
mod rules;
mod sweeper;

// What must never be, and the search for it.
mod explorer;
mod invariant;

// The proofs.
mod each_rule_is_needed;
mod holds;
