//! One key, one operation, one answer.

use proto::provider::v1::{ExecuteRequest, Kind};
use tonic::Code;

use crate::bench::{Bench, order, told, with};

#[tokio::test]
async fn a_repeat_gets_the_first_answer_whatever_happened_since() {
    let bench = Bench::start().await;
    let requests = [
        order("p:1", Kind::Authorize, 100),
        with("tok_decline_capture", "p:2", Kind::Capture, 100),
        order("p:3", Kind::Capture, 100),
        order("p:4", Kind::Refund, 100),
    ];
    let mut answers = Vec::new();
    for request in &requests {
        answers.push(bench.asker.execute(request.clone()).await.unwrap());
    }
    for (request, answer) in requests.into_iter().zip(&answers) {
        assert_eq!(bench.asker.lookup(&request.key).await.as_ref(), Some(answer));
        assert_eq!(bench.asker.execute(request).await.unwrap(), *answer);
    }
    assert_eq!(bench.asker.all().await, answers);
    bench.stop().await;
}

#[tokio::test]
async fn other_content_under_a_key_is_refused() {
    let bench = Bench::start().await;
    let first = order("p:1", Kind::Authorize, 100);
    let done = bench.asker.execute(first.clone()).await.unwrap();
    let others = [
        ExecuteRequest { kind: Kind::Capture.into(), ..first.clone() },
        ExecuteRequest { amount_minor: 101, ..first.clone() },
        ExecuteRequest { currency: "USD".to_owned(), ..first.clone() },
        ExecuteRequest { payment_method: "tok_slow".to_owned(), ..first.clone() },
    ];
    for other in others {
        let refused = bench.asker.execute(other).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, "KEY_REUSED".to_owned()));
        assert!(!refused.message().contains("tok_"), "{refused:?}");
    }
    assert_eq!(bench.asker.all().await, [done]);
    bench.stop().await;
}

#[tokio::test]
async fn many_who_ask_at_once_get_one_answer() {
    let bench = Bench::start().await;
    let asked = (0..16).map(|_| {
        let asker = bench.asker.clone();
        async move { asker.execute(order("p:1", Kind::Authorize, 100)).await.unwrap() }
    });
    let answers = futures_util::future::join_all(asked).await;
    let all = bench.asker.all().await;
    assert_eq!(all.len(), 1);
    assert!(answers.iter().all(|answer| *answer == all[0]));
    bench.stop().await;
}
