//! What clients know of each other's doings, so that they meet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mesh_rig::history::{Answer, Call, Payment};
use rand::{RngExt as _, rngs::StdRng};

/// Draws until one fits.
const DRAWS: usize = 4;

/// Something that clients share, and at most so many of it.
#[derive(Debug)]
pub(super) struct Pool<T> {
    items: Mutex<Vec<T>>,
    most: usize,
}

impl<T: Clone> Pool<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { items: Mutex::default(), most: most.max(1) }
    }

    /// Adds something; a full pool drops something else for it.
    pub(super) fn add(&self, rng: &mut StdRng, item: T) {
        let mut items = self.items();
        if items.len() < self.most {
            items.push(item);
        } else {
            let place = rng.random_range(0..items.len());
            items[place] = item;
        }
    }

    /// One of them, by preference one that fits.
    pub(super) fn draw(&self, rng: &mut StdRng, fits: impl Fn(&T) -> bool) -> Option<T> {
        let items = self.items();
        let mut drawn = None;
        for _ in 0..DRAWS {
            drawn = items.get(rng.random_range(0..items.len().max(1)));
            if drawn.is_some_and(&fits) {
                break;
            }
        }
        drawn.cloned()
    }

    fn update(&self, is_it: impl Fn(&T) -> bool, item: &T) -> bool {
        let mut items = self.items();
        let found = items.iter_mut().find(|known| is_it(known));
        found.map(|known| *known = item.clone()).is_some()
    }

    fn remove(&self, is_it: impl Fn(&T) -> bool) {
        self.items().retain(|item| !is_it(item));
    }

    fn items(&self) -> MutexGuard<'_, Vec<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that is shared.
#[derive(Debug)]
pub(super) struct Pools {
    /// Users, some of them deleted.
    pub(super) users: Pool<String>,
    /// Payments as they were heard of last.
    pub(super) payments: Pool<Payment>,
    /// Addresses that somebody tried to take.
    pub(super) emails: Pool<String>,
    /// Calls that can be repeated under their request id; some are under way.
    pub(super) asked: Pool<Call>,
    /// Those of them that succeeded.
    pub(super) answered: Pool<Call>,
}

impl Pools {
    /// Pools of at most `most` things each. The fewer, the more often clients meet.
    pub(super) fn new(most: usize) -> Self {
        Self {
            users: Pool::new(most),
            payments: Pool::new(most),
            emails: Pool::new(most),
            asked: Pool::new(most),
            answered: Pool::new(most),
        }
    }

    /// A client is about to ask.
    pub(super) fn asked(&self, rng: &mut StdRng, call: &Call) {
        if let Call::CreateUser { email, .. } = call {
            self.emails.add(rng, email.clone());
        }
        if call.request_id().is_some() {
            self.asked.add(rng, call.clone());
        }
    }

    /// A client was answered.
    pub(super) fn answered(&self, rng: &mut StdRng, call: &Call, answer: &Answer) {
        match (call, answer) {
            (Call::CreateUser { .. }, Answer::User(user)) => self.users.add(rng, user.user_id.clone()),
            // One in ten stays, so that deleted users are asked for.
            (Call::DeleteUser { user_id, .. }, _) if !rng.random_ratio(1, 10) => {
                self.users.remove(|known| known == user_id);
            }
            (_, Answer::Payment(payment)) => self.heard_of(rng, call, payment),
            _ => {}
        }
        if call.request_id().is_some() {
            self.answered.add(rng, call.clone());
        }
    }

    fn heard_of(&self, rng: &mut StdRng, call: &Call, payment: &Payment) {
        let is_it = |known: &Payment| known.payment_id == payment.payment_id;
        let is_over = ["REFUNDED", "VOIDED", "DECLINED", "FAILED"].contains(&payment.state.as_str());
        if is_over && !rng.random_ratio(1, 10) {
            self.payments.remove(is_it);
        } else if !self.payments.update(is_it, payment) && matches!(call, Call::CreatePayment { .. }) {
            self.payments.add(rng, payment.clone());
        }
    }
}
