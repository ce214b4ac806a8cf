//! The commit protocol of `service_kit::cql::commit`, with the claim of an e-mail address and the memory of a
//! request, proved by trying every order of its steps.
//!
//! ```text
//! writer    intent (with the request's pointer)
//!             -> read own partition: rev
//!             -> request: for each other aggregate that a pointer leads to: its memory there -> reused;
//!                else fence it (rev + 1), look again
//!             -> address: read its row (owner, epoch); somebody else's: the owner's partition has the address -> taken;
//!                else fence the owner (rev + 1), look again; then
//!                claim: owner = me, epoch + 1 IF owner and epoch as read, also when the row is mine
//!             -> commit: state, event, memory IF rev as read
//! sweeper   for an intent without a mark: event there -> publish, mark; else fence the aggregate (rev + 1),
//!             and as a second look: there -> publish, mark; absent -> mark as aborted
//! ```
//!
//! A row of the address proves nothing; an address is a user's when the user's partition says so. Never may it be
//! two users', nor one request two contents', nor may what is committed stay unpublished. Each [`rules::Rule`] is
//! needed for that: remove one, and the shortest way to the harm is a snapshot in `each_rule_is_needed`.
//!
//! # What is modelled
//! - Two users and one address; servers that create a user, move a user to the address, or take a user off it
//!   (a deletion, or a move elsewhere); two servers with the same request; one request with two contents.
//! - A crash anywhere. A stall anywhere: every step may come arbitrarily late.
//! - A claim and a commit whose effect comes at any time after it was sent, or after its sender died.
//! - A sweeper that finds any intent old at any time, and pauses between its looks. Nothing depends on how long
//!   anything takes.
//!
//! # What is not
//! - The reads and plain writes themselves, which are durable and seen by later reads once they are answered; a
//!   partition and a row are linearizable. That is the database's promise.
//! - Marks per attempt: `mesh/events/tests/fence` shows that they are needed.
//! - Expiry of what is remembered.

// A run: what it has left behind, and the words for what happens in it.
mod state;
mod step;

// Who takes part, by which rules, and what each may do next.
mod rules;
mod sweeper;
mod writer;

// What must never be, and the search for it.
mod explorer;
mod invariant;

// The proofs.
mod each_rule_is_needed;
mod holds;
