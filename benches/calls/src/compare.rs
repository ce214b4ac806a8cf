//! All of them in turn.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{client::Outcome, collector, cpu, envoy};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Rounds after one to warm up.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Calls in flight at once.
    #[arg(long, default_values_t = [1, 16, 64, 256], value_delimiter = ',')]
    in_flight: Vec<usize>,
    /// Envoy's program; it is left out without one.
    #[arg(long)]
    envoy: Option<PathBuf>,
}

/// What is measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tonic,
    Mesh,
    Envoy,
}

/// A measurement of both sides.
#[derive(Clone, Copy, Debug)]
struct Measured {
    client: Outcome,
    /// The server's processor time for each call, in microseconds.
    server_cpu: f64,
}

/// The client's core and the server's. Envoy stands beside the client, as a sidecar does.
const CLIENT: usize = 0;
const SERVER: usize = 1;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let ways: &[Way] = if arguments.envoy.is_some() {
        &[Way::Tonic, Way::Mesh, Way::Envoy]
    } else {
        &[Way::Tonic, Way::Mesh]
    };
    let collector = collector::begin().await?;
    println!("in flight  round  way       calls/s    p50 us    p99 us   client us/call   server us/call");
    for in_flight in &arguments.in_flight {
        let mut all: Vec<Vec<Measured>> = vec![Vec::new(); ways.len()];
        for round in 0..=arguments.rounds {
            for place in 0..ways.len() {
                // Each is the first as often as the others.
                let which = (place + usize::from(round)) % ways.len();
                let measured = measure(arguments, ways[which], *in_flight, collector).await?;
                let name = if round == 0 { "warm".to_owned() } else { round.to_string() };
                row(*in_flight, &name, ways[which], measured);
                if round > 0 {
                    all[which].push(measured);
                }
            }
        }
        let medians: Vec<Measured> = all.iter().map(|of_way| median(of_way)).collect();
        for (way, measured) in ways.iter().zip(&medians) {
            row(*in_flight, "median", *way, *measured);
        }
        ratios(*in_flight, ways, &all);
    }
    Ok(())
}

fn row(in_flight: usize, round: &str, way: Way, measured: Measured) {
    let Measured { client: Outcome { rate, p50, p99, cpu, .. }, server_cpu } = measured;
    let way = format!("{way:?}").to_lowercase();
    println!(
        "{in_flight:>9}  {round:>6} {way:<6} {rate:>10.0} {p50:>9.1} {p99:>9.1} {cpu:>16.2} {server_cpu:>16.2}"
    );
    let _ = std::io::stdout().flush();
}

/// The mesh over each of the others: of each number the median of its ratios in the rounds. What a machine can do
/// differs from one minute to the next, and less so within a round.
fn ratios(in_flight: usize, ways: &[Way], all: &[Vec<Measured>]) {
    let of = |way: Way| ways.iter().position(|other| *other == way).map(|place| &all[place]);
    let Some(mesh) = of(Way::Mesh) else { return };
    for way in [Way::Tonic, Way::Envoy] {
        let Some(other) = of(way) else { continue };
        let ratio = |number: fn(&Measured) -> f64| {
            middle(mesh.iter().zip(other).map(|(mesh, other)| number(mesh) / number(other)))
        };
        println!(
            "{in_flight:>9}  mesh/{way:?}: throughput {:.2}, p50 {:.2}, p99 {:.2}, client cpu {:.2}, server cpu {:.2}",
            ratio(|measured| measured.client.rate),
            ratio(|measured| measured.client.p50),
            ratio(|measured| measured.client.p99),
            ratio(|measured| measured.client.cpu),
            ratio(|measured| measured.server_cpu),
        );
    }
}

fn middle(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The median of each number by itself.
fn median(all: &[Measured]) -> Measured {
    let of = |number: fn(&Measured) -> f64| middle(all.iter().map(number));
    Measured {
        client: Outcome {
            rate: of(|measured| measured.client.rate),
            p50: of(|measured| measured.client.p50),
            p99: of(|measured| measured.client.p99),
            calls: all[0].client.calls,
            cpu: of(|measured| measured.client.cpu),
        },
        server_cpu: of(|measured| measured.server_cpu),
    }
}

async fn measure(
    arguments: &Arguments,
    way: Way,
    in_flight: usize,
    collector: SocketAddr,
) -> anyhow::Result<Measured> {
    let kind = if way == Way::Mesh { "mesh" } else { "tonic" };
    let (server, at) = serve(kind, collector).await?;
    let server_pid = server.id().context("the server has ended")?;
    let (mut proxy, mut target) = (None, at);
    let folder = std::env::temp_dir().join(format!("calls-{}", std::process::id()));
    if let (Way::Envoy, Some(program)) = (way, &arguments.envoy) {
        std::fs::create_dir_all(&folder)?;
        target = free_port()?;
        let config = folder.join("envoy.yaml");
        std::fs::write(&config, envoy::config(target, at))?;
        let child = pinned(CLIENT, || Ok(envoy::command(program, &config).kill_on_drop(true).spawn()?))?;
        proxy = Some(child);
        until_listens(target).await?;
    }
    let before = cpu::used(server_pid)?;
    let client = client(arguments, kind, target, in_flight, collector).await?;
    let used = cpu::used(server_pid)?.saturating_sub(before);
    // The server worked for the client's warm-up, too, at the same rate.
    let all = client.calls as f64 * (arguments.seconds + 1.0) / arguments.seconds;
    drop((server, proxy));
    let _ = std::fs::remove_dir_all(&folder);
    Ok(Measured { client, server_cpu: used.as_secs_f64() * 1e6 / all.max(1.0) })
}

async fn serve(kind: &str, collector: SocketAddr) -> anyhow::Result<(Child, SocketAddr)> {
    let mut child = pinned(SERVER, || {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", kind, "--collector", &collector.to_string()]);
        Ok(command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
    })?;
    let mut line = String::new();
    let stdout = child.stdout.take().context("no stdout")?;
    timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await.context("no server")??;
    let at = line.trim().parse().with_context(|| format!("the server said {line:?}"))?;
    Ok((child, at))
}

async fn client(
    arguments: &Arguments,
    kind: &str,
    target: SocketAddr,
    in_flight: usize,
    collector: SocketAddr,
) -> anyhow::Result<Outcome> {
    let child = pinned(CLIENT, || {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["client", kind, &target.to_string(), "--collector", &collector.to_string()]);
        command.args(["--in-flight", &in_flight.to_string(), "--seconds", &arguments.seconds.to_string()]);
        Ok(command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?)
    })?;
    let output = child.wait_with_output().await?;
    anyhow::ensure!(output.status.success(), "the client failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Starts something on one core: a child has the affinity of the thread that started it.
fn pinned(core: usize, start: impl FnOnce() -> anyhow::Result<Child>) -> anyhow::Result<Child> {
    cpu::pin(core)?;
    start()
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn until_listens(address: SocketAddr) -> anyhow::Result<()> {
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, listens).await.with_context(|| format!("nobody listens at {address}"))
}
