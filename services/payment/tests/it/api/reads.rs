//! Lists and balances.

use std::time::Duration;

use proto::payment::v1::{
    CreatePaymentRequest, GetBalanceRequest, ListLedgerEntriesRequest, ListPaymentsRequest, State,
};
use tonic::Code;

use crate::world::{World, order, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_are_listed_newest_first_a_page_at_a_time() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let mut expected = Vec::new();
    for n in 0..5 {
        let order = order(&user, 100 + n, "tok_ok", &format!("create {n}"));
        expected.insert(0, world.create(order).await.unwrap());
        world.hand.advance(Duration::from_millis(1));
    }
    let (mut listed, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPaymentsRequest { user_id: user.clone(), page_size: 2, page_token };
        let page = world.payments.list_payments(request).await.unwrap().into_inner();
        assert!((1..=2).contains(&page.payments.len()));
        listed.extend(page.payments);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_listed_oldest_first_and_its_tokens_are_good_for_nothing_else() {
    let mut world = World::start().await;
    let (id, user) = world.captured(1_000, "tok_ok").await;
    world.refund(&id, Some(1), "refund").await.unwrap();
    let all = world.ledger(&user).await;
    assert_eq!(all.len(), 4);
    let request = ListLedgerEntriesRequest {
        user_id: user.clone(),
        currency: "EUR".to_owned(),
        page_size: 3,
        page_token: String::new(),
    };
    let first = world.payments.list_ledger_entries(request.clone()).await.unwrap().into_inner();
    let page_token = first.next_page_token;
    assert_eq!(first.entries, all[..3]);
    let next = ListLedgerEntriesRequest { page_token: page_token.clone(), ..request.clone() };
    let second = world.payments.list_ledger_entries(next).await.unwrap().into_inner();
    assert_eq!((second.entries.as_slice(), second.next_page_token.as_str()), (&all[3..], ""));

    let bad = (Code::InvalidArgument, "PAGE_TOKEN_INVALID".to_owned());
    let other_book =
        ListLedgerEntriesRequest { currency: "USD".to_owned(), page_token: page_token.clone(), ..request };
    assert_eq!(told(&world.payments.list_ledger_entries(other_book).await.unwrap_err()), bad);
    let other_list = ListPaymentsRequest { user_id: user, page_size: 0, page_token };
    assert_eq!(told(&world.payments.list_payments(other_list).await.unwrap_err()), bad);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_book_in_which_nothing_was_kept_is_all_zero() {
    let mut world = World::start().await;
    let nobody = uuid::Uuid::from_u128(7).to_string();
    let balance = world.balance(&nobody).await;
    assert_eq!((balance.user_id.as_str(), balance.currency.as_str()), (nobody.as_str(), "EUR"));
    assert_eq!((balance.held_minor, balance.captured_minor, balance.version), (0, 0, 0));
    assert_eq!(world.ledger(&nobody).await, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sum_beyond_64_bits_is_kept_but_not_told_wrongly() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    for n in 0..2 {
        let order = CreatePaymentRequest {
            capture_immediately: true,
            ..order(&user, i64::MAX, "tok_ok", &format!("create {n}"))
        };
        assert_eq!(world.create(order).await.unwrap().state(), State::Captured);
    }
    let request = GetBalanceRequest { user_id: user.clone(), currency: "EUR".to_owned() };
    let status = world.payments.get_balance(request).await.unwrap_err();
    assert_eq!(told(&status), (Code::OutOfRange, "BALANCE_TOO_LARGE".to_owned()));
    let kept: i128 =
        world.ledger(&user).await.iter().map(|e| i128::from(e.amount.as_ref().unwrap().amount_minor)).sum();
    assert_eq!(kept, 4 * i128::from(i64::MAX));
    world.stop().await;
}
