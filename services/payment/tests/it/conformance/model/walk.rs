//! The walks.

use std::time::Duration;

use payment::{
    domain::{NewPayment, Outcome, Payment, PaymentId, Refused, State, Step},
    store::Entry,
};
use proptest::{prelude::*, test_runner::TestRunner};
use service_kit::clock::UnixMillis;

use super::books::{Model, book, seen};
use crate::conformance::{
    Harness,
    races::refund_stubbornly,
    support::{commit, declined, money, new, request, user},
};

/// One move. Numbers choose among few, so that moves meet.
#[derive(Clone, Debug)]
enum Move {
    Create {
        who: u64,
        code: &'static str,
        minor: i64,
        is_immediate: bool,
        request: Option<u8>,
        is_stale: bool,
    },
    Act {
        /// Which payment, modulo how many there are.
        which: usize,
        act: Act,
        request: Option<u8>,
        is_stale: bool,
    },
    /// Eight who refund a third of what is left at once.
    Race {
        which: usize,
    },
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Some percent of the amount.
    Capture(i64),
    Cancel,
    Expire,
    /// Some percent of what can be given back.
    Refund(i64),
    Settle,
    Decline,
    Fail,
    GiveUp,
    Resume,
}

fn act() -> impl Strategy<Value = Act> {
    let percent = prop_oneof![2 => Just(100), 3 => 1..=99_i64, 1 => Just(101)];
    prop_oneof![
        4 => percent.clone().prop_map(Act::Capture),
        1 => Just(Act::Cancel),
        1 => Just(Act::Expire),
        6 => percent.prop_map(Act::Refund),
        12 => Just(Act::Settle),
        1 => Just(Act::Decline),
        1 => Just(Act::Fail),
        1 => Just(Act::GiveUp),
        3 => Just(Act::Resume),
    ]
}

fn a_move() -> impl Strategy<Value = Move> {
    let request = || proptest::option::weighted(0.3, 0..4_u8);
    let is_stale = || proptest::bool::weighted(0.1);
    let minor = prop_oneof![3 => 1..200_i64, 1 => Just(i64::MAX)];
    let code = prop_oneof![Just("EUR"), Just("USD")];
    prop_oneof![
        2 => (1..3_u64, code, minor, any::<bool>(), request(), is_stale()).prop_map(
            |(who, code, minor, is_immediate, request, is_stale)| {
                Move::Create { who, code, minor, is_immediate, request, is_stale }
            }
        ),
        30 => (0..8_usize, act(), request(), is_stale())
            .prop_map(|(which, act, request, is_stale)| Move::Act { which, act, request, is_stale }),
        2 => (0..8_usize).prop_map(|which| Move::Race { which }),
        1 => Just(Move::Reopen),
    ]
}

/// The step that the payment takes, from the model's state alone.
fn decide(model: &Model, payment: &Payment, act: Act, now: UnixMillis) -> Result<Step, Refused> {
    let part = |whole: i128, percent: i64| {
        let minor = i64::try_from(whole * i128::from(percent) / 100).unwrap_or(i64::MAX);
        Some(money(minor.max(1), payment.amount.currency().code()))
    };
    let settle = |outcome| match model.open(payment) {
        Some(open) => payment.settle(&open, outcome, now),
        None => Err(Refused::NotOpen),
    };
    match act {
        Act::Capture(percent) => payment.capture(part(payment.amount.minor().into(), percent), now),
        Act::Cancel => payment.cancel(now),
        Act::Expire => payment.expire(payment.expires),
        Act::Refund(percent) => payment.refund(part(payment.balance.available(), percent), now),
        Act::Settle => settle(Outcome::Settled),
        Act::Decline => settle(declined()),
        Act::Fail => settle(Outcome::Failed),
        Act::GiveUp => payment.give_up(now),
        Act::Resume => match model.open(payment) {
            Some(open) => payment.resume(&open, now),
            None => Err(Refused::NotOpen),
        },
    }
}

/// Asks the store and the model to keep the step, and compares what they say.
async fn keep(
    harness: &impl Harness,
    model: &mut Model,
    step: Step,
    is_stale: bool,
    named: Option<(u8, &str)>,
) {
    let book = step.payment.book();
    let version = model.version(book) + u64::from(is_stale);
    let expected = model.apply(&step, is_stale, named);
    let asked = named.and_then(|(id, content)| request(&id.to_string(), content));
    assert_eq!(seen(harness.store().apply(book, version, commit(step, asked)).await), expected);
}

async fn take<H: Harness>(harness: H, model: &mut Model, a_move: &Move) -> H {
    let (now, content) = (harness.now(), format!("{a_move:?}"));
    let nth = |model: &Model, which: usize| {
        let count = model.payments.len().max(1);
        model.payments.values().nth(which % count).cloned()
    };
    match *a_move {
        Move::Create { who, code, minor, is_immediate, request, is_stale } => {
            let new = NewPayment { user: user(who), is_immediate, ..new(0, money(minor, code), now) };
            let step = Payment::create(new, now).unwrap();
            assert_eq!(step.payment.book(), book(who, code));
            keep(&harness, model, step, is_stale, request.map(|id| (id, content.as_str()))).await;
        }
        Move::Act { which, act, request, is_stale } => {
            let Some(payment) = nth(model, which) else { return harness };
            if let Ok(step) = decide(model, &payment, act, now) {
                let request = request.filter(|_| step.opened.is_some());
                keep(&harness, model, step, is_stale, request.map(|id| (id, content.as_str()))).await;
            }
        }
        Move::Race { which } => {
            let Some(payment) = nth(model, which) else { return harness };
            if matches!(payment.state, State::Captured | State::PartiallyRefunded) {
                race(&harness, model, &payment).await;
            }
        }
        Move::Reopen => return harness.reopen().await,
    }
    harness
}

async fn race(harness: &impl Harness, model: &mut Model, payment: &Payment) {
    let (store, now) = (harness.store(), harness.now());
    let available = i64::try_from(payment.balance.available()).unwrap();
    let part = (available / 3).max(1);
    let amount = money(part, payment.amount.currency().code());
    let racers: Vec<_> = (0..8)
        .map(|_| {
            let (store, id) = (store.clone(), payment.id);
            tokio::spawn(async move { refund_stubbornly(&*store, id, amount, now).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        won += u64::from(racer.await.unwrap());
    }
    assert_eq!(won, u64::try_from(available / part).unwrap().min(8), "no more and no less than there is");
    learn(harness, model, payment.id, won).await;
}

/// Puts what a race of refunds did, two commits each, into the model, whose comparison judges it.
async fn learn(harness: &impl Harness, model: &mut Model, id: PaymentId, refunds: u64) {
    let store = harness.store();
    let payment = store.payment(id).await.unwrap().unwrap().payment;
    let book = payment.book();
    for seq in 1..=payment.operations {
        let key = payment::domain::ProviderKey { payment: id, seq };
        model.operations.insert(key, store.operation(key).await.unwrap().unwrap());
    }
    let known = model.version(book);
    let made = store.entries(book, known, 1_000).await.unwrap();
    let versions: Vec<_> = made.iter().map(|Entry { version, .. }| *version).collect();
    assert_eq!(versions, (known + 1..=known + 2 * refunds).collect::<Vec<_>>());
    model.entries.entry(book.to_string()).or_default().extend(made);
    model.versions.insert(book.to_string(), known + 2 * refunds);
    model.payments.insert(id, payment);
    model.events += usize::try_from(2 * refunds).unwrap();
}

/// Random walks, every answer and every state compared with the model's.
pub(crate) fn agrees_with_the_model<H: Harness>() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (cases, longest) = H::WALKS;
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let walked = runner.run(&proptest::collection::vec(a_move(), 1..longest), |moves| {
        runtime.block_on(async {
            let (mut harness, mut model) = (H::new().await, Model::default());
            for a_move in &moves {
                // Every payment has a time of its own, and so its id.
                harness.advance(Duration::from_millis(1));
                harness = take(harness, &mut model, a_move).await;
                model.compare(&*harness.store()).await;
            }
            assert_eq!(harness.events().await.len(), model.events);
        });
        Ok(())
    });
    walked.unwrap_or_else(|failure| panic!("{failure}"));
}
