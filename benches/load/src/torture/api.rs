//! The public API, as clients call it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mesh_rig::history::{Answer, Call};
use mesh_rpc::{Channel, ChannelConfig, Target};
use prost_types::FieldMask;
use proto::{
    notification::v1::notification_service_client::NotificationServiceClient,
    payment::v1::{
        CancelPaymentRequest, CapturePaymentRequest, CreatePaymentRequest, GetPaymentRequest, Payment,
        RefundPaymentRequest, payment_service_client::PaymentServiceClient,
    },
    provider::v1::provider_service_client::ProviderServiceClient,
    user::v1::{
        CreateUserRequest, DeleteUserRequest, GetProfileRequest, GetUserRequest, Profile,
        UpdateProfileRequest, UpdateUserRequest, User, get_user_request::Key,
        profile_service_client::ProfileServiceClient, user_service_client::UserServiceClient,
    },
};
use tonic::{Request, Status};

use super::{convert, doubt::Doubt, freshness::Freshness, platform::Addresses};

/// How long one try may take; the contract may say less.
const DEADLINE: Duration = Duration::from_secs(5);

/// A client of every service. Clones share their connections.
#[derive(Clone, Debug)]
pub(super) struct Api {
    pub(super) users: UserServiceClient<Channel>,
    pub(super) profiles: ProfileServiceClient<Channel>,
    pub(super) payments: PaymentServiceClient<Channel>,
    pub(super) notifications: NotificationServiceClient<Channel>,
    pub(super) provider: ProviderServiceClient<Channel>,
    /// What was told so far, where there are several replicas.
    freshness: Option<Arc<Freshness>>,
}

/// Where the replicas of each service are.
#[derive(Clone, Debug)]
pub(super) struct Replicas {
    pub(super) user: Vec<SocketAddr>,
    pub(super) payment: Vec<SocketAddr>,
    pub(super) notification: Vec<SocketAddr>,
    pub(super) provider: SocketAddr,
}

impl Api {
    /// Connects with the first call, and again and again with every further one.
    pub(super) fn new(addresses: &Addresses) -> anyhow::Result<Self> {
        let Addresses { user, payment, notification, provider } = *addresses;
        let [user, payment, notification] = [user, payment, notification].map(|address| vec![address]);
        let api = Self::among(&Replicas { user, payment, notification, provider })?;
        Ok(Self { freshness: None, ..api })
    }

    /// Calls the replicas of each service in turn. They have their stores and their bus in servers of their own, and
    /// caches that may be behind: reads ask for what was told before.
    pub(super) fn among(replicas: &Replicas) -> anyhow::Result<Self> {
        let channel = |addresses: &[SocketAddr]| {
            // Whoever was killed is back within milliseconds.
            let config = ChannelConfig {
                backoff_initial: Duration::from_millis(10),
                backoff_max: Duration::from_millis(100),
                ..ChannelConfig::default()
            };
            let target = Target::fixed(addresses.iter().copied());
            Channel::builder(target).policies(&proto::POLICIES).config(config).build()
        };
        let user = channel(&replicas.user)?;
        Ok(Self {
            users: UserServiceClient::new(user.clone()),
            profiles: ProfileServiceClient::new(user),
            payments: PaymentServiceClient::new(channel(&replicas.payment)?),
            notifications: NotificationServiceClient::new(channel(&replicas.notification)?),
            provider: ProviderServiceClient::new(channel(&[replicas.provider])?),
            freshness: Some(Arc::default()),
        })
    }

    /// What is open of a call that nobody has tried yet.
    pub(super) fn doubt(&self) -> Doubt {
        if self.freshness.is_some() { Doubt::on_servers() } else { Doubt::default() }
    }

    /// Tries a call once. `unique` names it where the call itself has no name, so that it can be tried again.
    ///
    /// # Errors
    /// What it was answered instead of success.
    pub(super) async fn call(&self, call: &Call, unique: &str) -> Result<Answer, Status> {
        let Some(freshness) = &self.freshness else { return self.send(call, unique).await };
        freshness.asked(call);
        let answer = self.send(call, unique).await?;
        // Before anybody else hears of it.
        freshness.told(&answer);
        Ok(answer)
    }

    async fn send(&self, call: &Call, unique: &str) -> Result<Answer, Status> {
        let Self { mut users, mut profiles, mut payments, .. } = self.clone();
        Ok(match call.clone() {
            Call::CreateUser { request_id, email, display_name } => {
                let request = CreateUserRequest { email, display_name, locale: String::new(), request_id };
                user(users.create_user(bounded(request)).await?.into_inner().user)
            }
            Call::UpdateUser { request_id, user_id, display_name } => {
                let new = User { user_id, display_name, ..User::default() };
                let request = UpdateUserRequest { user: Some(new), update_mask: name_only(), request_id };
                user(users.update_user(bounded(request)).await?.into_inner().user)
            }
            Call::DeleteUser { request_id, user_id } => {
                let request = DeleteUserRequest { user_id, etag: String::new(), request_id };
                users.delete_user(bounded(request)).await?;
                Answer::Deleted
            }
            Call::GetUser { user_id } => {
                let request = GetUserRequest { key: Some(Key::UserId(user_id)), ..Default::default() };
                user(users.get_user(bounded(request)).await?.into_inner().user)
            }
            Call::GetProfile { user_id } => {
                let request = GetProfileRequest { user_id, ..Default::default() };
                let mut request = bounded(request);
                if let Some(freshness) = &self.freshness {
                    freshness.require(&mut request);
                }
                profile(profiles.get_profile(request).await?.into_inner().profile)
            }
            Call::UpdateProfile { user_id, display_name } => {
                let new = Some(Profile { user_id, display_name, ..Profile::default() });
                let (update_mask, request_id) = (name_only(), unique.to_owned());
                let request = UpdateProfileRequest { profile: new, update_mask, request_id };
                profile(profiles.update_profile(bounded(request)).await?.into_inner().profile)
            }
            Call::CreatePayment { request_id, user_id, amount, payment_method, capture } => {
                let (amount, capture_immediately) = (Some(convert::asked(&amount)), capture);
                let request =
                    CreatePaymentRequest { user_id, amount, payment_method, capture_immediately, request_id };
                payment(payments.create_payment(bounded(request)).await?.into_inner().payment)
            }
            Call::CapturePayment { request_id, payment_id, amount } => {
                let amount = amount.as_ref().map(convert::asked);
                let request = CapturePaymentRequest { payment_id, amount, request_id };
                payment(payments.capture_payment(bounded(request)).await?.into_inner().payment)
            }
            Call::CancelPayment { request_id, payment_id } => {
                let request = CancelPaymentRequest { payment_id, request_id };
                payment(payments.cancel_payment(bounded(request)).await?.into_inner().payment)
            }
            Call::RefundPayment { request_id, payment_id, amount } => {
                let amount = amount.as_ref().map(convert::asked);
                let request = RefundPaymentRequest { payment_id, amount, request_id };
                payment(payments.refund_payment(bounded(request)).await?.into_inner().payment)
            }
            Call::GetPayment { payment_id } => {
                let request = GetPaymentRequest { payment_id };
                payment(payments.get_payment(bounded(request)).await?.into_inner().payment)
            }
        })
    }
}

// An answer in which nobody and nothing is told is written down as that, for the checker to see.

fn user(told: Option<User>) -> Answer {
    Answer::User(convert::user(told.unwrap_or_default()))
}

fn profile(told: Option<Profile>) -> Answer {
    Answer::Profile(convert::profile(told.unwrap_or_default()))
}

fn payment(told: Option<Payment>) -> Answer {
    Answer::Payment(convert::payment(told.unwrap_or_default()))
}

fn bounded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// Only the name is new.
fn name_only() -> Option<FieldMask> {
    Some(FieldMask { paths: vec!["display_name".to_owned()] })
}
