//! What a program does while its store or its broker is away, and afterwards.

use mesh_rig::{
    proxy::{Direction, Fault},
    testing::{keyspace, vhost},
};
use mesh_rpc::Channel;
use proto::user::v1::{
    CreateUserRequest, GetProfileRequest, GetUserRequest, User, get_user_request::Key,
    profile_service_client::ProfileServiceClient, user_service_client::UserServiceClient,
};
use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

use super::{links::Link, programs::USER, servers::Servers};
use crate::process::eventually;

async fn create(channel: &Channel, name: &str) -> Result<User, Status> {
    let request = CreateUserRequest {
        email: format!("{name}@example.org"),
        display_name: name.to_owned(),
        ..Default::default()
    };
    let answer = UserServiceClient::new(channel.clone()).create_user(request).await?;
    Ok(answer.into_inner().user.unwrap())
}

async fn health(channel: &Channel, service: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: service.to_owned() };
    HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner().status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_ready_only_while_its_store_answers() {
    const SERVICES: [&str; 3] = ["user.v1.UserService", "user.v1.ProfileService", "user.v1.SessionService"];
    let (keyspace, vhost, data) = (keyspace().await, vhost().await, tempfile::tempdir().unwrap());
    let link = Link::to_store(&keyspace).await;
    let servers = Servers::new(&keyspace, &vhost.uri()).with_store_at(&link.addresses());
    let program = USER.start(data.path(), &servers.settings());
    let channel = program.channel();
    let are = async |expected| {
        let mut all = true;
        for service in SERVICES {
            all &= health(&channel, service).await == expected;
        }
        all
    };
    assert!(are(ServingStatus::Serving).await);
    create(&channel, "before").await.unwrap();
    // A node that is gone, and one that says nothing.
    for (n, fault) in [Fault::Refuse, Fault::Blackhole(Direction::ToClient)].into_iter().enumerate() {
        link.set(fault).await;
        eventually("it is not ready", async || are(ServingStatus::NotServing).await).await;
        // The process itself lives: a new one would not have the store either.
        assert_eq!(health(&channel, "").await, ServingStatus::Serving);
        let refused = create(&channel, "meanwhile").await.unwrap_err();
        assert!(matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded), "{refused:?}");
        link.heal().await;
        eventually("it is ready again", async || are(ServingStatus::Serving).await).await;
        create(&channel, &format!("after{n}")).await.unwrap();
    }
    assert!(program.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_for_too_long_stops_writes_until_it_is_back() {
    let (keyspace, vhost, data) = (keyspace().await, vhost().await, tempfile::tempdir().unwrap());
    let (link, uri) = Link::to_broker(&vhost).await;
    let servers = Servers::new(&keyspace, &uri);
    let mut settings = servers.settings();
    settings.extend([("OUTBOX_LAG_MAX", "5s"), ("OUTBOX_LAG_ALARM", "5s")]);
    let program = USER.start(data.path(), &settings);
    let channel = program.channel();
    create(&channel, "before").await.unwrap();

    link.set(Fault::Refuse).await;
    let ada = create(&channel, "meanwhile").await.unwrap();
    let (mut tried, mut refused) = (0, None);
    eventually("writes are refused", async || {
        tried += 1;
        refused = create(&channel, &format!("p{tried}")).await.err();
        refused.is_some()
    })
    .await;
    let refused = refused.unwrap();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "EVENTS_BEHIND");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
    // Reads go on, and so do whoever balances calls: elsewhere it is the same.
    let read = GetUserRequest { key: Some(Key::UserId(ada.user_id.clone())), ..Default::default() };
    UserServiceClient::new(channel.clone()).get_user(read).await.unwrap();
    assert_eq!(health(&channel, "user.v1.UserService").await, ServingStatus::Serving);

    link.heal().await;
    eventually("writes are taken again", async || create(&channel, "afterwards").await.is_ok()).await;
    // What waited has been told.
    let get = GetProfileRequest { user_id: ada.user_id, ..Default::default() };
    let mut profiles = ProfileServiceClient::new(channel.clone());
    eventually("the profile is there", async || profiles.get_profile(get.clone()).await.is_ok()).await;
    assert!(program.terminate().success());
}
