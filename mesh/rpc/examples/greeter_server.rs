//! Serves greetings with health, reflection, deadlines, limits and a drain: `greeter_server 127.0.0.1:50051`.

use greeter::v1::greeter_service_server::{GreeterService, GreeterServiceServer};
use greeter::v1::{GetGreetingRequest, GetGreetingResponse};
use tonic::{Request, Response, Status};

struct Greeter;

#[tonic::async_trait]
impl GreeterService for Greeter {
    async fn get_greeting(
        &self,
        request: Request<GetGreetingRequest>,
    ) -> Result<Response<GetGreetingResponse>, Status> {
        let text = format!("Hello {}!", request.into_inner().name);
        Ok(Response::new(GetGreetingResponse { text }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:50051".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    let stop = tokio_util::sync::CancellationToken::new();
    let stopped = stop.clone().drop_guard();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| drop(stopped)) });
    println!("greeting at {}", listener.local_addr()?);
    let server = mesh_rpc::Server::builder().service(GreeterServiceServer::new(Greeter));
    let server = server.policies(&greeter::POLICIES).descriptors(greeter::DESCRIPTORS).build()?;
    println!("{:?}", server.serve(listener, stop).await?);
    Ok(())
}
