//! The list of what was done.

use proto::provider::v1::{Kind, ListTransactionsRequest, Status};
use tonic::Code;

use crate::bench::{Bench, told, with};

fn page(page_size: i32, page_token: &str) -> ListTransactionsRequest {
    ListTransactionsRequest { page_size, page_token: page_token.to_owned() }
}

#[tokio::test]
async fn pages_cover_everything_once_in_order_and_what_was_declined_too() {
    let bench = Bench::start().await;
    for number in 0..7 {
        let token = if number % 3 == 0 { "tok_decline" } else { "tok_ok" };
        // In another order than that of keys.
        let key = format!("p{}:1", 9 - number);
        bench.asker.execute(with(token, &key, Kind::Authorize, 100)).await.unwrap();
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let listed = bench.asker.0.clone().list_transactions(page(3, &token)).await.unwrap().into_inner();
        assert!(listed.transactions.len() <= 3);
        seen.extend(listed.transactions);
        assert!(seen.len() <= 7, "the pages go round in circles");
        token = listed.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let keys: Vec<_> = seen.iter().map(|transaction| transaction.key.as_str()).collect();
    assert_eq!(keys, ["p9:1", "p8:1", "p7:1", "p6:1", "p5:1", "p4:1", "p3:1"]);
    let declined = seen.iter().filter(|transaction| transaction.status() == Status::Declined).count();
    assert_eq!(declined, 3);
    assert_eq!(bench.asker.all().await, seen);
    bench.stop().await;
}

#[tokio::test]
async fn a_page_that_makes_no_sense_is_refused() {
    let bench = Bench::start().await;
    for (wrong, reason) in [
        (page(-1, ""), "PAGE_SIZE_INVALID"),
        (page(0, "made up"), "PAGE_TOKEN_INVALID"),
        (page(-1, "made up"), "REQUEST_INVALID"),
    ] {
        let refused = bench.asker.0.clone().list_transactions(wrong).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, reason.to_owned()));
    }
    bench.stop().await;
}
