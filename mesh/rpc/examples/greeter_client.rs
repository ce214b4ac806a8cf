//! Asks for a greeting, balanced, retried and within its deadline: `greeter_client dns:///localhost:50051 World`.

use greeter::v1::{GetGreetingRequest, greeter_service_client::GreeterServiceClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().unwrap_or_else(|| "dns:///localhost:50051".to_owned()).parse()?;
    let name = arguments.next().unwrap_or_else(|| "World".to_owned());
    let channel = mesh_rpc::Channel::builder(target).policies(&greeter::POLICIES).build()?;
    let mut client = GreeterServiceClient::new(channel);
    println!("{}", client.get_greeting(GetGreetingRequest { name }).await?.into_inner().text);
    Ok(())
}
