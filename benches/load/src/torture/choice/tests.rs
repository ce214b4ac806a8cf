use std::collections::BTreeMap;

use mesh_rig::history::{Answer, User};
use rand::SeedableRng as _;

use super::*;

/// What a client that is always answered asks for.
fn calls(seed: u64, count: usize) -> Vec<Call> {
    let (mut rng, pools) = (StdRng::seed_from_u64(seed), Pools::new(32));
    let mut calls = Vec::new();
    for n in 0..count {
        let call = choose(&mut rng, &pools, &format!("0-{n}"));
        pools.asked(&mut rng, &call);
        if let Some(answer) = answer(&call, n) {
            pools.answered(&mut rng, &call, &answer);
        }
        calls.push(call);
    }
    calls
}

fn answer(call: &Call, n: usize) -> Option<Answer> {
    Some(match call {
        Call::CreateUser { email, display_name, .. } => Answer::User(User {
            user_id: format!("user {n}"),
            email: email.clone(),
            display_name: display_name.clone(),
            version: 1,
        }),
        Call::CreatePayment { user_id, amount, capture, .. } => Answer::Payment(Payment {
            payment_id: format!("payment {n}"),
            user_id: user_id.clone(),
            amount: amount.clone(),
            captured_minor: 0,
            refunded_minor: 0,
            state: if *capture { "CAPTURED" } else { "AUTHORIZED" }.to_owned(),
            version: 1,
        }),
        _ => return None,
    })
}

#[test]
fn the_same_seed_asks_for_the_same_things() {
    assert_eq!(calls(1, 2_000), calls(1, 2_000));
    assert_ne!(calls(1, 2_000), calls(2, 2_000));
}

#[test]
fn everything_is_asked_for() {
    let mut counts = BTreeMap::<_, usize>::new();
    calls(3, 5_000).iter().for_each(|call| *counts.entry(call.method()).or_default() += 1);
    assert_eq!(counts.len(), 11, "{counts:?}");
    assert!(counts.values().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn clients_meet_at_addresses_and_request_ids() {
    let (mut emails, mut requests) = (BTreeMap::<_, usize>::new(), BTreeMap::<_, Vec<Call>>::new());
    for call in calls(4, 5_000) {
        if let Call::CreateUser { email, .. } = &call {
            *emails.entry(email.to_lowercase()).or_default() += 1;
        }
        if let Some(id) = call.request_id().map(str::to_owned) {
            requests.entry(id).or_default().push(call);
        }
    }
    assert!(emails.values().filter(|count| **count > 1).count() > 50);
    let twice = |is_same: bool| {
        requests.values().filter(|calls| calls.windows(2).any(|two| (two[0] == two[1]) == is_same)).count()
    };
    assert!(twice(true) > 50 && twice(false) > 20, "{} and {}", twice(true), twice(false));
}
