//! The limit against models of servers, on a paused clock.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mesh_policy::Criticality;
use tokio::{
    sync::Semaphore,
    task::LocalSet,
    time::{Instant, sleep, timeout},
};

use super::{LoadShedConfig, limiter::Limiter, permit::Permit};

/// How a server's time for a call depends on what it has to do.
#[derive(Clone)]
enum Shape {
    /// Always this long: it waits for somebody else, who can do everything at once.
    Constant(Duration),
    /// So much, and so much more for each call in flight: all of them share something.
    Linear(Duration, Duration),
    /// So many at once, each this long; the others wait.
    Queue(Rc<Semaphore>, Rc<Cell<Duration>>),
}

impl Shape {
    fn queue(places: usize, work: Duration) -> (Self, Rc<Cell<Duration>>) {
        let work = Rc::new(Cell::new(work));
        (Self::Queue(Rc::new(Semaphore::new(places)), Rc::clone(&work)), work)
    }

    async fn work(&self, in_flight: u32) {
        match self {
            Self::Constant(time) => sleep(*time).await,
            Self::Linear(time, each) => sleep(*time + *each * in_flight).await,
            Self::Queue(places, time) => {
                let _place = places.acquire().await.unwrap();
                sleep(time.get()).await;
            }
        }
    }
}

/// When nobody waits for a call any more.
const DEADLINE: Duration = Duration::from_millis(200);

/// A call that was done in time.
struct Done {
    class: Criticality,
    took: Duration,
}

struct Model {
    limiter: Arc<Limiter>,
    shape: Shape,
    done: Rc<RefCell<Vec<Done>>>,
    calls: LocalSet,
}

/// What became of the calls of a while.
#[derive(Debug)]
struct Outcome {
    offered: [u32; 3],
    done: [u32; 3],
    /// The longest time of a call.
    longest: Duration,
}

impl Model {
    fn new(shape: Shape, config: &LoadShedConfig) -> Self {
        let limiter = Arc::new(Limiter::new(config, 1));
        Self { limiter, shape, done: Rc::default(), calls: LocalSet::new() }
    }

    /// Offers so many calls of each class in each of so many milliseconds, whatever becomes of them.
    async fn offer(&self, millis: u32, per_milli: [u32; 3]) -> Outcome {
        let before = self.done.borrow().len();
        let mut offered = [0; 3];
        self.calls
            .run_until(async {
                for _ in 0..millis {
                    for (n, class) in crate::criticality::CLASSES.into_iter().enumerate() {
                        offered[n] += per_milli[n];
                        (0..per_milli[n]).for_each(|_| self.call(class));
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
        let done = self.done.borrow();
        let done = &done[before..];
        let of = |class| done.iter().filter(|done| done.class == class).count().try_into().unwrap();
        Outcome {
            offered,
            done: crate::criticality::CLASSES.map(of),
            longest: done.iter().map(|done| done.took).max().unwrap_or_default(),
        }
    }

    fn call(&self, class: Criticality) {
        let Ok(admitted) = self.limiter.admit(class) else { return };
        let mut permit = Permit::new(Arc::clone(&self.limiter), admitted, Some(0));
        let (shape, done, begun) = (self.shape.clone(), Rc::clone(&self.done), Instant::now());
        self.calls.spawn_local(async move {
            let in_time = timeout(DEADLINE, shape.work(admitted.in_flight)).await.is_ok();
            permit.answered(in_time);
            if in_time {
                done.borrow_mut().push(Done { class, took: begun.elapsed() });
            }
        });
    }

    fn limit(&self) -> u32 {
        self.limiter.limit()
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Of a server that is too busy with far fewer calls than the default says.
fn beginning_at(initial_limit: u32) -> LoadShedConfig {
    LoadShedConfig { initial_limit, min_limit: initial_limit.min(24), ..LoadShedConfig::default() }
}

/// The same, beginning as high as ever.
fn small() -> LoadShedConfig {
    beginning_at(LoadShedConfig::default().initial_limit)
}

#[tokio::test(start_paused = true)]
async fn constant_the_limit_makes_room_for_whatever_comes() {
    let model = Model::new(Shape::Constant(millis(10)), &beginning_at(20));
    // 400 at once, where twenty are allowed: the limit grows by a fifth of its root every 25 ms.
    model.offer(5_000, [0, 0, 40]).await;
    let then = model.offer(1_000, [0, 0, 40]).await;
    assert_eq!(then.done[2], then.offered[2], "limit {}", model.limit());
    assert!((400..=1_000).contains(&model.limit()), "{}", model.limit());
}

#[tokio::test(start_paused = true)]
async fn linear_the_limit_settles_where_calls_take_little_more_than_half_as_long_again() {
    let model = Model::new(Shape::Linear(millis(10), Duration::from_micros(200)), &beginning_at(300));
    // Twelve calls of 12.5 ms at first; then more than can ever be done.
    model.offer(1_000, [0, 0, 1]).await;
    model.offer(2_000, [0, 0, 50]).await;
    let longest = model.offer(2_000, [0, 0, 50]).await.longest;
    // 1.5 * 12.5 / (10 + 0.2 * limit) = 1 - 1 / √limit
    assert!((48..=66).contains(&model.limit()), "limit {}, longest {longest:?}", model.limit());
    assert!(longest <= millis(25), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn queue_five_times_the_capacity_costs_neither_goodput_nor_time_nor_the_critical_class() {
    let (shape, _) = Shape::queue(10, millis(10));
    let model = Model::new(shape, &small());
    // A second of nearly all that fits, and five times that much, of which critical calls are half of what fits.
    model.offer(500, [0, 0, 0]).await;
    let mut peak = 0;
    for _ in 0..20 {
        peak += model.offer(10, [0, 1, 0]).await.done[1];
    }
    assert!(peak >= 180, "{peak}");
    // Within a second the limit is down from two thousand, and half a second later all that waited is gone.
    model.offer(1_500, [1, 3, 1]).await;
    let over = model.offer(5_000, [1, 3, 1]).await;
    let done: u32 = over.done.iter().sum();
    assert!(done >= 4_900, "{over:?}, limit {}", model.limit());
    assert!(over.longest <= millis(60), "{over:?}, limit {}", model.limit());
    assert!((24..=60).contains(&model.limit()), "{}", model.limit());
}

#[tokio::test(start_paused = true)]
async fn queue_the_critical_class_is_served_while_it_alone_fits() {
    let (shape, _) = Shape::queue(10, millis(10));
    let model = Model::new(shape, &small());
    model.offer(500, [0, 0, 1]).await;
    let mut critical = [0, 0];
    model.offer(1_000, [2, 2, 1]).await;
    let shed = model.limiter.shed_of(Criticality::Critical);
    for _ in 0..2_000 {
        // A critical call in two milliseconds of three.
        for class in [1, 1, 0] {
            let over = model.offer(1, [2, 2, class]).await;
            critical[0] += over.offered[2];
            critical[1] += over.done[2];
        }
    }
    let shed = model.limiter.shed_of(Criticality::Critical) - shed;
    let share = f64::from(critical[1]) / f64::from(critical[0]);
    assert!(share >= 0.99, "{critical:?}, limit {}", model.limit());
    assert!(shed * 100 <= u64::from(critical[0]), "{shed} of {critical:?}");
}

#[tokio::test(start_paused = true)]
async fn slower_the_limit_falls_and_comes_back_when_slow_is_usual() {
    let (shape, work) = Shape::queue(100, millis(10));
    let model = Model::new(shape, &beginning_at(100));
    model.offer(2_000, [0, 0, 2]).await;
    // Three times as slow, for a reason that has nothing to do with how much is asked: 100 places are 3.3 a ms.
    work.set(millis(30));
    model.offer(3_000, [0, 0, 8]).await;
    let low = model.limit();
    assert!(low <= 45, "{low}");
    // What so few calls take is what they take: within ten seconds the server does what it can again.
    model.offer(9_000, [0, 0, 8]).await;
    let then = model.offer(1_000, [0, 0, 8]).await;
    assert!(then.done[2] >= 3_000, "{then:?}, limit {}", model.limit());
}

#[tokio::test(start_paused = true)]
async fn faster_again_nobody_has_to_wait_for_it() {
    let (shape, work) = Shape::queue(100, millis(30));
    let model = Model::new(shape, &beginning_at(100));
    model.offer(2_000, [0, 0, 2]).await;
    work.set(millis(10));
    model.offer(1_000, [0, 0, 8]).await;
    let then = model.offer(1_000, [0, 0, 8]).await;
    assert_eq!(then.done[2], then.offered[2], "limit {}", model.limit());
    assert!(then.longest <= millis(15), "{then:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_under_full_load_does_not_take_its_queue_for_its_work() {
    let (shape, _) = Shape::queue(10, millis(10));
    let model = Model::new(shape, &small());
    model.offer(1_500, [0, 5, 0]).await;
    let over = model.offer(2_000, [0, 5, 0]).await;
    assert!(over.longest <= millis(60) && over.done[1] >= 1_950, "{over:?}, limit {}", model.limit());
}

#[tokio::test(start_paused = true)]
async fn an_overload_of_two_minutes_does_not_become_usual() {
    let (shape, _) = Shape::queue(10, millis(10));
    let model = Model::new(shape, &small());
    model.offer(5_000, [0, 1, 0]).await;
    model.offer(119_000, [0, 2, 0]).await;
    let over = model.offer(1_000, [0, 2, 0]).await;
    assert!(over.longest <= millis(60), "{over:?}, limit {}", model.limit());
}

#[tokio::test(start_paused = true)]
async fn callers_who_were_always_so_many_are_let_in_however_slow_the_server_becomes() {
    let (shape, work) = Shape::queue(60, millis(10));
    let model = Model::new(shape, &small());
    // Sixty at once, each of whom calls again when it is answered.
    let rounds = async |rounds: usize| {
        for _ in 0..rounds {
            (0..60).for_each(|_| model.call(Criticality::Default));
            model.calls.run_until(sleep(work.get() + millis(1))).await;
        }
    };
    rounds(300).await;
    work.set(millis(150));
    rounds(40).await;
    assert_eq!(model.limiter.shed_of(Criticality::Default), 0, "limit {}", model.limit());
}
