//! A replica: so many calls at once, each for so long, and whatever it is told on its standard input.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use echo::{
    AbsentRequest, AbsentResponse, BidiStreamRequest, BidiStreamResponse, ClientStreamRequest,
    ClientStreamResponse, ServerStreamRequest, ServerStreamResponse, UnaryRequest, UnaryResponse,
    absent_service_server::{AbsentService, AbsentServiceServer},
    echo_service_server::{EchoService, EchoServiceServer},
};
use mesh_rpc::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    sync::Semaphore,
    time::sleep,
};
use tokio_stream::{Empty, wrappers::TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{Kind, contract::FAILURES};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose server.
    kind: Kind,
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Calls that are worked on at once; others wait for their turn.
    #[arg(long)]
    slots: usize,
    /// How long a call is worked on, in microseconds.
    #[arg(long)]
    work_us: u64,
}

/// What all calls of a replica share.
#[derive(Clone, Debug)]
struct Work(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    slots: Semaphore,
    work: Duration,
    slower_ms: AtomicU64,
    refuses: AtomicBool,
}

impl Work {
    async fn done(&self) -> Result<String, Status> {
        let Shared { name, slots, work, slower_ms, refuses } = &*self.0;
        if refuses.load(Relaxed) {
            return Err(Status::resource_exhausted("told to refuse"));
        }
        let slower = slower_ms.load(Relaxed);
        if slower > 0 {
            sleep(Duration::from_millis(slower)).await;
        }
        let _slot = slots.acquire().await.map_err(|_| Status::internal("no slots"))?;
        sleep(*work).await;
        Ok(name.clone())
    }

    /// Does what a line says; `false`: stop.
    fn told(&self, line: &str) -> bool {
        match line.split_once(' ') {
            Some(("slower", ms)) => self.0.slower_ms.store(ms.parse().unwrap_or(0), Relaxed),
            Some(("refuse", "on")) => self.0.refuses.store(true, Relaxed),
            _ => return line != "stop",
        }
        true
    }
}

/// Serves until it is told to stop, or whoever tells it is gone.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind(arguments.listen).await?;
    let name = listener.local_addr()?.to_string();
    println!("{name}");
    let work = Work(Arc::new(Shared {
        name,
        slots: Semaphore::new(arguments.slots),
        work: Duration::from_micros(arguments.work_us),
        slower_ms: AtomicU64::new(0),
        refuses: AtomicBool::new(false),
    }));
    let stop = CancellationToken::new();
    tokio::spawn({
        let (work, stop) = (work.clone(), stop.clone().drop_guard());
        async move {
            let _stop = stop;
            let mut lines = BufReader::new(tokio::io::stdin()).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if !work.told(&line) {
                    break;
                }
            }
        }
    });
    let (echo, critical) = (EchoServiceServer::new(work.clone()), AbsentServiceServer::new(work));
    match arguments.kind {
        Kind::Tonic => {
            let incoming = TcpListenerStream::new(listener);
            let server = tonic::transport::Server::builder().tcp_nodelay(true);
            let server = { server }.add_service(echo).add_service(critical);
            server.serve_with_incoming_shutdown(incoming, stop.cancelled()).await?;
        }
        Kind::Mesh => {
            let config = ServerConfig { lame_duck: Duration::from_millis(100), ..ServerConfig::default() };
            let server = mesh_rpc::Server::builder().service(echo).service(critical);
            server.policies(&FAILURES).config(config).build()?.serve(listener, stop).await?;
        }
    }
    // A blocked read of standard input would hold up the end of the runtime.
    std::process::exit(0)
}

#[tonic::async_trait]
impl EchoService for Work {
    type ServerStreamStream = Empty<Result<ServerStreamResponse, Status>>;
    type BidiStreamStream = Empty<Result<BidiStreamResponse, Status>>;

    /// Answers with the name of the replica.
    async fn unary(&self, _: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, Status> {
        Ok(Response::new(UnaryResponse { text: self.done().await? }))
    }

    async fn server_stream(
        &self,
        _: Request<ServerStreamRequest>,
    ) -> Result<Response<Self::ServerStreamStream>, Status> {
        Err(Status::unimplemented("only unary calls are made"))
    }

    async fn client_stream(
        &self,
        _: Request<Streaming<ClientStreamRequest>>,
    ) -> Result<Response<ClientStreamResponse>, Status> {
        Err(Status::unimplemented("only unary calls are made"))
    }

    async fn bidi_stream(
        &self,
        _: Request<Streaming<BidiStreamRequest>>,
    ) -> Result<Response<Self::BidiStreamStream>, Status> {
        Err(Status::unimplemented("only unary calls are made"))
    }
}

/// The same work, by a method that is critical.
#[tonic::async_trait]
impl AbsentService for Work {
    async fn absent(&self, _: Request<AbsentRequest>) -> Result<Response<AbsentResponse>, Status> {
        self.done().await.map(|_| Response::new(AbsentResponse {}))
    }
}
